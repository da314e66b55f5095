// What the chat itself says; its bubbles, menu and receipts have words of their own.

import { texts } from "../../web_common/texts.js";

export const t = texts({
  en: {
    again: "Try again",
    chat: "Chat",
    empty: "Nothing said yet. Hold the button below and speak.",
    loading: "Loading…",
    log: "Messages",
    me: "you",
    newest: "To the newest messages",
    newCount: "To the newest messages, {n} new",
    older: "Loading older messages…",
    over: "You cannot talk with {name} any more. What was said stays here.",
    paused: "{name} is paused. On its page a grown-up can agree again.",
    toy: "Settings of {name}",
  },
  zh: {
    again: "再试一次",
    chat: "聊天",
    empty: "还没有消息。按住下面的按钮说句话吧。",
    loading: "正在加载…",
    log: "消息",
    me: "你",
    newest: "回到最新消息",
    newCount: "回到最新消息，{n} 条新消息",
    older: "正在加载更早的消息…",
    over: "你不能再和{name}聊天了。说过的话会留在这里。",
    paused: "{name}已暂停。家长可以在它的页面上重新同意。",
    toy: "{name}的设置",
  },
});
