// The rows of a chat between their separators: a day, and where the unread ones begin.

import { guard, html, repeat } from "../../web_common/html.js";
import { lang, texts } from "../../web_common/texts.js";
import { dayName, isSameDay } from "../../web_common/times.js";
import { bubble } from "./bubble.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./bubble.js").Deeds} Deeds */
/** @typedef {{ key: string, day: number } | { key: string, isFresh: true } | { key: string, row: Row, isFirst: boolean }} Item */

const t = texts({
  en: { fresh: "New" },
  zh: { fresh: "新消息" },
});

/** Somebody who goes on after such a pause is named again, in milliseconds. */
const PAUSE = 15 * 60_000;

/** @param {Row[]} rows oldest first @param {string | null} freshKey of the first that was not heard when the chat was opened @returns {Item[]} */
export function itemsOf(rows, freshKey) {
  /** @type {Item[]} */
  const items = [];
  rows.forEach((row, place) => {
    const last = rows[place - 1];
    const isNewDay = !last || !isSameDay(last.at, row.at);
    if (isNewDay) items.push({ key: `day ${new Date(row.at).toDateString()}`, day: row.at });
    if (row.key === freshKey) items.push({ key: "fresh", isFresh: true });
    const goesOn = !isNewDay && row.key !== freshKey && last.fromId === row.fromId && row.at - last.at < PAUSE;
    items.push({ key: row.key, row, isFirst: !goesOn });
  });
  return items;
}

/** Of those that nobody has heard yet at the end of the chat, the first. @param {Row[]} rows oldest first */
export function firstFresh(rows) {
  const last = rows.findLastIndex((row) => row.isMine || row.state === "heard");
  return rows[last + 1]?.key ?? null;
}

/**
 * @param {App} app
 * @param {Item[]} items
 * @param {{ isGroup: boolean, heldUntil: import("./receipts.js").HeldUntil, deeds: Deeds }} around
 */
export function listOf(app, items, { isGroup, heldUntil, deeds }) {
  return repeat(items, ({ key }) => key, (item) => {
    if ("day" in item) return html`<li class="chat-day"><span>${dayName(item.day)}</span></li>`;
    if ("isFresh" in item) return html`<li class="chat-day chat-new"><span>${t("fresh")}</span></li>`;
    const { row, isFirst } = item;
    const played = app.player.id === row.key ? stateOf(app) : null;
    const sender = { id: row.fromId, name: row.fromName, kind: row.fromId.startsWith("t_") ? "toy" : "person" };
    const face = isGroup && !row.isMine ? app.family.face(sender) : null;
    const held = row.receipts.map((one) => heldUntil(row, one.to_user)).join();
    // In every frame of a voice that plays, only that one is drawn anew.
    const seen = [row, isFirst, held, face?.picture, face?.colour, played?.share, played?.isPlaying, played?.speed, lang()];
    return guard(seen, () => bubble(row, { isFirst, face, played, heldUntil }, deeds));
  });
}

/** @param {App} app */
const stateOf = ({ player }) => ({ isPlaying: player.isPlaying, share: player.progress, speed: player.speed });
