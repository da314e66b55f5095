// Whether a toy is there, rests or is paused, in the same words wherever it is said: seen by the server, never claimed.

import { html, nothing } from "../web_common/html.js";
import { texts } from "../web_common/texts.js";
import { ago, clockTime } from "../web_common/times.js";

/** @typedef {import("./family.js").Family} Family */
/** @typedef {import("../web_common/types.js").Conversation} Conversation */
/** @typedef {import("../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    asleep: "Asleep until {when}",
    heard: "Heard from {when}",
    never: "Not heard from yet",
    online: "Online",
    paused: "Paused",
  },
  zh: {
    asleep: "休息到 {when}",
    heard: "上次在线：{when}",
    never: "还没有上过线",
    online: "在线",
    paused: "已暂停",
  },
});

/** Until when a toy of ours rests; null while it does not, and for a toy that is not ours. @param {Toy | null} toy */
export function restsUntil(toy) {
  const until = toy?.settings.quiet_until ?? null;
  return until !== null && Date.parse(until) > Date.now() ? until : null;
}

/** Would it play at once? @param {Toy} toy */
export const isAwake = (toy) => toy.online && !toy.paused && restsUntil(toy) === null;

/** "Asleep until 07:00". @param {string} until */
export const asleepWords = (until) => t("asleep", { when: clockTime(until) });

/** "Online", or when it was last heard from. @param {{ online: boolean | null, heard_at: string | null }} toy */
export function presenceWords({ online, heard_at }) {
  if (online) return t("online");
  return heard_at ? t("heard", { when: ago(heard_at) }) : t("never");
}

/**
 * Of the toy at the other end of a conversation; nothing of a person, of whom the server tells nobody.
 * @param {Family} family
 * @param {Conversation} conversation
 * @returns {{ is: "online" | "asleep" | "away", words: string } | null}
 */
export function presenceOf(family, conversation) {
  const { id, kind, online } = conversation;
  if (kind !== "toy" || online === null) return null;
  const until = restsUntil(family.toy(id));
  if (until) return { is: "asleep", words: asleepWords(until) };
  return { is: online ? "online" : "away", words: presenceWords(conversation) };
}

/** Is a toy of ours there? To be seen beside its name. @param {Toy} toy */
export function presence(toy) {
  return html`<span class=${toy.online ? "pill on" : "small quiet"}>${presenceWords(toy)}</span>`;
}

/** What keeps a toy of ours silent. @param {Toy} toy */
export function silence(toy) {
  const until = restsUntil(toy);
  return html`
    ${toy.paused ? html`<span class="pill">${t("paused")}</span>` : nothing}
    ${until ? html`<span class="pill">${asleepWords(until)}</span>` : nothing}
  `;
}
