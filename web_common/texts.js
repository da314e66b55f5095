// The pages' words. Every room of a page brings its own, in both languages side by side:
//
//     const t = texts({ en: { unread: "{n} new" }, zh: { unread: "{n} 条新消息" } });
//     t("unread", { n: 3 })

/** @typedef {"en" | "zh"} Lang */

export const LANGS = /** @type {const} */ (["en", "zh"]);
const KEPT_AS = "toybackend.lang";

/** @type {Lang} */
let current = chosen();
/** @type {Set<() => void>} */
const listeners = new Set();

/** The language that is spoken now. */
export const lang = () => current;
/** The same as a tag that `Intl` understands best. */
export const locale = () => (current === "zh" ? "zh-CN" : navigator.languages.find((one) => one.startsWith("en")) ?? "en");

/** "Bruno, Mimi and Rex". @param {string[]} words */
export const listed = (words) => new Intl.ListFormat(locale()).format(words);

/** @param {Lang} wanted */
export function speak(wanted) {
  current = wanted;
  localStorage.setItem(KEPT_AS, wanted);
  document.documentElement.lang = locale();
  for (const listener of listeners) listener();
}

/** Called after every change of the language. @param {() => void} listener */
export const onLang = (listener) => void listeners.add(listener);

/**
 * @template {Record<string, string>} Words
 * @param {{ en: Words, zh: Record<keyof Words, string> }} both
 */
export function texts(both) {
  /**
   * @param {keyof Words & string} key
   * @param {Record<string, string | number>} [values] fill the `{names}` in the text
   */
  return (key, values = {}) =>
    /** @type {string} */ (both[current][key]).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** @returns {Lang} */
function chosen() {
  const kept = localStorage.getItem(KEPT_AS);
  const wanted = [kept ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2));
  return /** @type {Lang} */ (wanted.find((tag) => tag === "en" || tag === "zh")) ?? "en";
}

document.documentElement.lang = locale();
