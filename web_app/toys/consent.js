// What a guardian agrees to before the child's name is kept: the server's text, shown as it is.

import { get, post } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { Sheet } from "../../web_common/sheet.js";
import { lang, texts } from "../../web_common/texts.js";

/** @typedef {{ version: string, texts: Record<string, string> }} ConsentText */

const t = texts({
  en: { agree: "I agree", not_now: "Not now" },
  zh: { agree: "我同意", not_now: "暂不" },
});

/**
 * Show the text, and ask. False when they do not agree. Throws Problem.
 * @param {string} toyId
 */
export async function askConsent(toyId) {
  const text = await get("/consent");
  const sheet = open(text, (it) => html`
    <div class="actions consent-actions">
      <button class="button secondary" @click=${() => it.close(false)}>${t("not_now")}</button>
      <button class="button" @click=${() => it.close(true)}>${t("agree")}</button>
    </div>
  `);
  if ((await sheet.closed) !== true) return false;
  await post(`/toys/${toyId}/consent`, { version: text.version });
  return true;
}

/** Only to be read. Throws Problem. */
export async function showConsent() {
  open(await get("/consent"), () => nothing);
}

/** @param {ConsentText} text @param {(sheet: Sheet) => import("../../web_common/html.js").View} actions */
function open(text, actions) {
  const [title = "", ...parts] = paragraphs(text.texts[lang()] ?? text.texts.en ?? "");
  return new Sheet(title, (sheet) => html`<div class="consent-text stack">${parts.map(part)}</div>${actions(sheet)}`);
}

/** @param {string} text */
const paragraphs = (text) => text.trim().split(/\n\s*\n/);

/** A heading with what stands below it, or a paragraph. @param {string} text */
function part(text) {
  const lines = text.split("\n");
  if (lines.length === 1) return html`<p>${text}</p>`;
  const items = lines.filter((line) => line.startsWith("- ")).map((line) => html`<li>${line.slice(2)}</li>`);
  const others = lines.slice(1).filter((line) => !line.startsWith("- ")).map((line) => html`<p>${line}</p>`);
  return html`<section><h3>${lines[0]}</h3>${others}${items.length ? html`<ul>${items}</ul>` : nothing}</section>`;
}
