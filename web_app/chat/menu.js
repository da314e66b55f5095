// What can be done with one message, in a sheet: copy it, see who has it, delete it for everybody.

import { remove } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { Sheet, confirm } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { clockTime, dayName } from "../../web_common/times.js";
import { toast } from "../../web_common/toast.js";
import { showReceipts } from "./receipts.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./thread.js").Thread} Thread */

const t = texts({
  en: {
    copied: "Copied.",
    copy: "Copy the text",
    copyFailed: "It could not be copied.",
    delete: "Delete for everyone",
    deleteBody: "It goes from every phone and toy, its sound included. This cannot be undone.",
    deleteTitle: "Delete this message?",
    deleteYes: "Delete",
    discard: "Delete",
    nothing: "Only whoever sent it can delete it.",
    sending: "It is just being sent.",
    when: "{day}, {time}",
    who: "Who has it",
  },
  zh: {
    copied: "已复制。",
    copy: "复制文字",
    copyFailed: "没能复制。",
    delete: "为所有人删除",
    deleteBody: "这条消息和它的声音会从每部手机和每个玩具上消失，无法恢复。",
    deleteTitle: "删除这条消息？",
    deleteYes: "删除",
    discard: "删除",
    nothing: "只有发送的人可以删除。",
    sending: "这条消息正在发送。",
    when: "{day} {time}",
    who: "谁收到了",
  },
});

/** @param {App} app @param {Thread} thread @param {Row} row @param {import("./receipts.js").HeldUntil} heldUntil */
export function openMenu(app, thread, row, heldUntil) {
  const title = t("when", { day: dayName(row.at), time: clockTime(row.at) });
  return new Sheet(title, (sheet) => html`
    <ul class="list">
      ${row.msg && "clipboard" in navigator ? entry("chat", t("copy"), () => void copy(sheet, row.msg ?? "")) : nothing}
      ${row.isMine && row.receipts.length ? entry("people", t("who"), () => (sheet.close(), showReceipts(row, heldUntil))) : nothing}
      ${deletion(app, thread, row, sheet)}
    </ul>
    ${reason(app, row)}
  `);
}

/** The server lets its sender, and the guardians of a toy that sent it. @param {App} app @param {Row} row */
const mayDelete = (app, row) => row.isMine || app.family.toy(row.fromId) !== null;

/** What the server does not have yet is ours alone. @param {App} app @param {Thread} thread @param {Row} row @param {Sheet} sheet */
function deletion(app, thread, row, sheet) {
  if (row.id) return mayDelete(app, row) ? entry("trash", t("delete"), () => void askDelete(app, thread, row, sheet), true) : nothing;
  return row.state === "sending" ? nothing : entry("trash", t("discard"), () => void discard(app, thread, row, sheet), true);
}

/** Why it cannot be deleted. @param {App} app @param {Row} row */
function reason(app, row) {
  if (row.id && mayDelete(app, row)) return nothing;
  if (!row.id && row.state !== "sending") return nothing;
  return html`<p class="quiet small">${t(row.id ? "nothing" : "sending")}</p>`;
}

/** @param {Parameters<typeof icon>[0]} sign @param {string} words @param {() => void} deed */
function entry(sign, words, deed, isDangerous = false) {
  const name = `list-row chat-deed ${isDangerous ? "chat-danger" : ""}`;
  return html`<li><button class=${name} @click=${deed}>${icon(sign)}<span>${words}</span></button></li>`;
}

/** @param {Sheet} sheet @param {string} words */
async function copy(sheet, words) {
  sheet.close();
  try {
    await navigator.clipboard.writeText(words);
    toast(t("copied"));
  } catch {
    // The browser may refuse it.
    toast(t("copyFailed"), "error");
  }
}

/** @param {App} app @param {Thread} thread @param {Row} row @param {Sheet} sheet */
async function discard(app, thread, row, sheet) {
  const sent = thread.find(row.key);
  // It went out while somebody looked at the menu.
  if (sent) return askDelete(app, thread, sent, sheet);
  sheet.close();
  await app.attempt(() => app.outbox.discard(row.key));
}

/** @param {App} app @param {Thread} thread @param {Row} row @param {Sheet} sheet */
async function askDelete(app, thread, row, sheet) {
  sheet.close();
  const question = { title: t("deleteTitle"), body: t("deleteBody"), yes: t("deleteYes"), isDangerous: true };
  if (!(await confirm(question))) return;
  await app.attempt(async () => {
    await remove(`/messages/${row.id}`);
    thread.forget(/** @type {string} */ (row.id));
    void app.family.load();
  });
}
