// How far a message of ours is, in a sign and in words.

import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { codeWords } from "../../web_common/problems.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { ago, clockTime } from "../../web_common/times.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("../../web_common/types.js").Receipt} Receipt */
/** @typedef {(row: Row, toUser: string) => string | null} HeldUntil until when it waits for somebody who rests */

const t = texts({
  en: {
    accepted: "Sent",
    delayed: "Sent. It takes a little longer than usual",
    delivered: "Delivered",
    deliveredTo: "Delivered to {n} of {all}",
    failed: "Not delivered",
    heard: "Heard",
    heardAll: "Heard by all {all}",
    heardAt: "Heard {when}",
    heardBy: "Heard by {n} of {all}",
    held: "Waits until {time} (quiet hours)",
    read: "Read",
    readAll: "Read by all {all}",
    readAt: "Read {when}",
    readBy: "Read by {n} of {all}",
    deliveredAt: "Delivered {when}",
    sending: "Sending…",
    unsent: "Could not be sent",
    waiting: "Waiting for a connection",
    notYet: "Not delivered yet",
    who: "Who has it",
    silent: "There was no sound in it, so nobody got it.",
  },
  zh: {
    accepted: "已发送",
    delayed: "已发送，会比平时慢一点",
    delivered: "已送达",
    deliveredTo: "已送达 {n}/{all} 人",
    failed: "未送达",
    heard: "已听",
    heardAll: "{all} 人都听过了",
    heardAt: "已听，{when}",
    heardBy: "{n}/{all} 人已听",
    held: "等到 {time}（安静时段）",
    read: "已读",
    readAll: "{all} 人都读过了",
    readAt: "已读，{when}",
    readBy: "{n}/{all} 人已读",
    deliveredAt: "已送达，{when}",
    sending: "正在发送…",
    unsent: "发送失败",
    waiting: "等待网络连接",
    notYet: "尚未送达",
    who: "谁收到了",
    silent: "录音里没有声音，所以没有人收到。",
  },
});

/** @typedef {{ step: "waiting" | "sending" | "unsent" | "accepted" | "held" | "delayed" | "failed" | "delivered" | "heard",
 *   sign: Parameters<typeof icon>[0], words: string }} Progress */

/** @param {Row} row of ours @param {HeldUntil} heldUntil @returns {Progress} */
export function progressOf(row, heldUntil) {
  if (row.state === "waiting") return { step: "waiting", sign: "clock", words: t("waiting") };
  if (row.state === "sending") return { step: "sending", sign: "clock", words: t("sending") };
  if (row.state === "unsent") return { step: "unsent", sign: "warning", words: t("unsent") };
  if (row.state === "failed") return { step: "failed", sign: "warning", words: t("failed") };
  const reached = row.receipts.filter((one) => one.state !== "waiting").length;
  if (reached) return received(row, reached);
  const until = row.receipts.length === 1 ? heldUntil(row, row.receipts[0]?.to_user ?? "") : null;
  if (until) return { step: "held", sign: "moon", words: t("held", { time: clockTime(until) }) };
  if (row.isDelayed) return { step: "delayed", sign: "check", words: t("delayed") };
  return { step: "accepted", sign: "check", words: t("accepted") };
}

/** Somebody has it. @param {Row} row @param {number} reached @returns {Progress} */
function received(row, reached) {
  const all = row.receipts.length;
  const n = row.receipts.filter((one) => one.state === "heard").length;
  const [one, some, every] = row.voice
    ? /** @type {const} */ (["heard", "heardBy", "heardAll"])
    : /** @type {const} */ (["read", "readBy", "readAll"]);
  if (n) {
    const key = all === 1 ? one : n === all ? every : some;
    return { step: "heard", sign: row.voice ? "ear" : "checks", words: t(key, { n, all }) };
  }
  if (all === 1 || reached === all) return { step: "delivered", sign: "checks", words: t("delivered") };
  return { step: "delivered", sign: "checks", words: t("deliveredTo", { n: reached, all }) };
}

/** What went wrong with a message of ours, in words. @param {Row} row */
export function troubleOf(row) {
  if (row.state === "failed") return row.code === "bad_audio" || row.code === "empty_audio" ? t("silent") : codeWords(row.code);
  return row.state === "unsent" ? codeWords(row.code) : "";
}

/** The line under a message of ours; in a group it opens who has it. @param {Row} row @param {HeldUntil} heldUntil */
export function receiptLine(row, heldUntil) {
  const { step, sign, words } = progressOf(row, heldUntil);
  const content = html`${icon(sign)}<span>${words}</span>`;
  const name = `chat-receipt chat-receipt-${step}`;
  if (row.receipts.length < 2) return html`<span class=${name}>${content}</span>`;
  return html`<button class="${name} chat-receipt-more" @click=${() => showReceipts(row, heldUntil)}>${content}</button>`;
}

/** Everybody whom a message of ours went to, and how far it is with them. @param {Row} row @param {HeldUntil} heldUntil */
export function showReceipts(row, heldUntil) {
  return new Sheet(
    t("who"),
    () => html`<ul class="list">
      ${row.receipts.map((one) => html`<li class="chat-recipient"><span class="grow">${one.name}</span>${state(row, one, heldUntil)}</li>`)}
    </ul>`,
  );
}

/** @param {Row} row @param {Receipt} one @param {HeldUntil} heldUntil */
function state(row, one, heldUntil) {
  const until = one.state === "waiting" ? heldUntil(row, one.to_user) : null;
  const words = until ? t("held", { time: clockTime(until) }) : progressWords(row, one);
  return html`<span class="quiet small">${words || nothing}</span>`;
}

/** @param {Row} row @param {Receipt} one */
function progressWords(row, one) {
  if (one.state === "waiting") return t("notYet");
  const at = one.state === "heard" ? one.heard_at : one.delivered_at;
  if (one.state === "delivered") return at ? t("deliveredAt", { when: ago(at) }) : t("delivered");
  const [key, keyAt] = row.voice ? /** @type {const} */ (["heard", "heardAt"]) : /** @type {const} */ (["read", "readAt"]);
  return at ? t(keyAt, { when: ago(at) }) : t(key);
}
