// What a song or story is called, and where it belongs: the fields of a form.

import { html } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";

const MOST_TITLE = 120;
const MOST_CATEGORY = 40;

const t = texts({
  en: { category: "Category", category_hint: "If you like: lullabies, stories…", title: "Title" },
  zh: { category: "分类", category_hint: "可不填，例如：摇篮曲、故事…", title: "标题" },
});

/** @param {{ title: string, category: string }} about @param {Iterable<string>} categories that exist already */
export function aboutFields({ title, category }, categories) {
  return html`<div class="field">
      <label for="song-title">${t("title")}</label>
      <input id="song-title" name="title" .value=${title} required maxlength=${MOST_TITLE} autocomplete="off" />
    </div>
    <div class="field">
      <label for="song-category">${t("category")}</label>
      <input id="song-category" name="category" .value=${category} maxlength=${MOST_CATEGORY} autocomplete="off" list="song-categories"
        placeholder=${t("category_hint")} />
      <datalist id="song-categories">${[...categories].map((one) => html`<option value=${one}></option>`)}</datalist>
    </div>`;
}
