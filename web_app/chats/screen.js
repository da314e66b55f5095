// All conversations, the latest first: with whom, what was said last, what is new, and who is there.

import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { length, shortWhen } from "../../web_common/times.js";
import { called } from "../chat/names.js";
import { presenceOf } from "../presence.js";
import { nobodyYet } from "./empty.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Conversation} Conversation */
/** @typedef {import("../../web_common/types.js").Entry} Entry */
/** @typedef {import("../../web_common/html.js").View} View */

const t = texts({
  en: {
    add: "Add a toy",
    chats: "Chats",
    family: "Family group",
    group: "Group",
    loading: "Loading…",
    nothing: "Say hello",
    of: "{name}: {words}",
    sending: "Sending…",
    unread: "new",
    unsent: "Could not be sent",
    voice: "Voice message",
    you: "You",
  },
  zh: {
    add: "添加玩具",
    chats: "聊天",
    family: "家庭群",
    group: "群聊",
    loading: "正在加载…",
    nothing: "打个招呼吧",
    of: "{name}：{words}",
    sending: "正在发送…",
    unread: "条新消息",
    unsent: "发送失败",
    voice: "语音",
    you: "你",
  },
});

export class ChatsScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;
  #until = new AbortController();

  title = () => t("chats");

  async open() {
    this.#app.outbox.addEventListener("accepted", () => void this.#app.family.load(), { signal: this.#until.signal });
    if (this.#app.family.isLoaded) await this.#app.family.load();
  }

  close() {
    this.#until.abort();
  }

  action() {
    return html`<a class="icon-button" href="#/toys/add" aria-label=${t("add")}>${icon("add")}</a>`;
  }

  view() {
    const { conversations, isLoaded } = this.#app.family;
    if (!isLoaded) return skeleton();
    if (!conversations.length) return nobodyYet();
    const lines = conversations.map((one) => ({ one, last: lastOf(this.#app, one) }));
    // Stable: who has said nothing yet stays in the server's order, at the end.
    lines.sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0));
    return html`<div class="page">
      <ul class="list">${repeat(lines, ({ one }) => one.id, ({ one, last }) => html`<li>${row(this.#app, one, last)}</li>`)}</ul>
    </div>`;
  }
}

/** What was said last: `at` in milliseconds since the epoch. @typedef {{ at: number, words: View | string, isTrouble: boolean }} Last */

/** Also what is still on its way to the server. @param {App} app @param {Conversation} conversation @returns {Last | null} */
function lastOf(app, { id, kind, last }) {
  const pending = app.outbox.pending(id).at(-1);
  if (pending) {
    const isTrouble = pending.state === "failed";
    return { at: pending.at, words: t("of", { name: t("you"), words: t(isTrouble ? "unsent" : "sending") }), isTrouble };
  }
  return last && { at: Date.parse(last.sent_at), words: said(app, kind, last), isTrouble: last.state === "failed" };
}

/** @param {App} app @param {Conversation["kind"]} kind @param {Entry} last */
function said(app, kind, last) {
  const isMine = last.from_user === app.myId;
  if (last.state === "failed") return t("of", { name: t("you"), words: t("unsent") });
  const isNamed = isMine || kind === "family" || kind === "custom";
  const name = isNamed ? t("of", { name: isMine ? t("you") : last.from_name, words: "" }) : "";
  if (!last.voice) return `${name}${last.msg ?? ""}`;
  const sign = html`<span class="chats-voice">${icon("mic")}<span class="visually-hidden">${t("voice")}</span></span>`;
  return html`${name}${sign}${length(last.voice.duration_ms ?? 0)}`;
}

/** @param {App} app @param {Conversation} conversation @param {Last | null} last */
function row(app, conversation, last) {
  const { id, kind, unread } = conversation;
  const presence = presenceOf(app.family, conversation);
  const about = kind === "family" ? t("family") : kind === "custom" ? t("group") : (presence?.words ?? "");
  return html`<a class="list-row chats-row ${unread ? "unread" : ""}" href="#/chats/${id}">
    <span class="chats-face ${presence?.is ?? ""}">${avatar(app.family.face(conversation))}</span>
    <span class="grow">
      <span class="chats-line">
        <span class="chats-name one-line">${called(conversation)}</span>
        ${last ? html`<time class="chats-when" datetime=${new Date(last.at).toISOString()}>${shortWhen(last.at)}</time>` : nothing}
      </span>
      <span class="chats-line">
        <span class="chats-last one-line ${last?.isTrouble ? "trouble" : ""}">${last?.words ?? t("nothing")}</span>
        ${unread ? html`<span class="badge">${unread > 99 ? "99+" : unread}<span class="visually-hidden"> ${t("unread")}</span></span>` : nothing}
      </span>
      ${about ? html`<span class="chats-presence ${presence?.is ?? ""}">${presence?.is === "asleep" ? icon("moon") : nothing}${about}</span>` : nothing}
    </span>
  </a>`;
}

const skeleton = () =>
  html`<div class="page chats-skeleton" role="img" aria-label=${t("loading")}>${[0, 1, 2, 3].map(() => html`<span></span>`)}</div>`;
