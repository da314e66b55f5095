// The language, and light or dark: kept in this browser, and chosen before anybody is in as well as later.

import { html, ifDefined } from "../web_common/html.js";
import { lang, LANGS, speak, texts } from "../web_common/texts.js";
import { theme, wear } from "../web_common/theme.js";

/** @typedef {import("./app.js").App} App */

const t = texts({
  en: { dark: "Dark", language: "Language", light: "Light", system: "System", theme: "Appearance" },
  zh: { dark: "深色", language: "语言", light: "浅色", system: "跟随系统", theme: "外观" },
});

/** Each as its speakers call it, whatever is spoken now. */
const NAMES = { en: "English", zh: "中文" };
const THEMES = /** @type {const} */ (["system", "light", "dark"]);

/** @param {App} app */
export function appearance(app) {
  return html`<div class="appearance">
    ${group("language", LANGS.map((one) => option("language", one, NAMES[one], lang() === one, () => speak(one))))}
    ${group("theme", THEMES.map((one) => option("theme", one, t(one), theme() === one, () => dress(app, one))))}
  </div>`;
}

/** @param {App} app @param {import("../web_common/theme.js").Theme} wanted */
function dress(app, wanted) {
  wear(wanted);
  app.changed();
}

/** @param {"language" | "theme"} name @param {unknown[]} options */
const group = (name, options) => html`<fieldset class="appearance-choice">
  <legend class="legend">${t(name)}</legend>
  <div class="appearance-options">${options}</div>
</fieldset>`;

/** @param {string} name @param {string} value @param {string} words @param {boolean} isChosen @param {() => void} choose */
function option(name, value, words, isChosen, choose) {
  return html`<label class="appearance-option">
    <input type="radio" class="visually-hidden" name=${name} value=${value} .checked=${isChosen} @change=${choose} />
    <span lang=${ifDefined(name === "language" ? value : undefined)}>${words}</span>
  </label>`;
}
