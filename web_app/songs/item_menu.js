// A recording of ours: calling it something else, or removing it.

import { patch, remove } from "../../web_common/api.js";
import { html } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { confirm, Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { aboutFields } from "./about.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */

const t = texts({
  en: {
    delete: "Delete",
    delete_title: "Delete “{title}”?",
    delete_words: "It goes for the whole family, with its cover. A toy that plays it now may play it to the end.",
    save: "Save",
  },
  zh: {
    delete: "删除",
    delete_title: "删除“{title}”？",
    delete_words: "会对全家删除，包括封面。正在播放它的玩具可能会播完。",
    save: "保存",
  },
});

/** @param {App} app @param {Item} item @param {Iterable<string>} categories @param {() => unknown} again after it was changed */
export function openItemMenu(app, item, categories, again) {
  new Sheet(item.title, (sheet) => {
    const save = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
      const change = { title: given.get("title"), category: given.get("category") };
      if (await app.attempt(() => patch(`/library/${item.id}`, change))) sheet.close();
      again();
    };
    return html`<form @submit=${save}>
        ${aboutFields(item, categories)}
        <button class="button wide">${t("save")}</button>
      </form>
      <button class="button danger wide" @click=${() => removeItem(app, item, sheet, again)}>${icon("trash")} ${t("delete")}</button>`;
  });
}

/** @param {App} app @param {Item} item @param {Sheet} sheet @param {() => unknown} again */
async function removeItem(app, item, sheet, again) {
  const question = { title: t("delete_title", { title: item.title }), body: t("delete_words"), yes: t("delete"), isDangerous: true };
  if (!(await confirm(question))) return;
  if (app.player.id === item.id) app.player.stop();
  if (await app.attempt(() => remove(`/library/${item.id}`))) sheet.close();
  again();
}
