// The frame around every screen: its title, the way around, and whether there is a connection.

import { html, keyed, nothing, renderPage } from "../web_common/html.js";
import { icon } from "../web_common/icons.js";
import { texts } from "../web_common/texts.js";

/** @typedef {import("./app.js").App} App */

const t = texts({
  en: {
    account: "Me",
    app: "Toy talk",
    away: "No connection. Trying again…",
    back: "Back",
    chats: "Chats",
    connecting: "Connecting…",
    elsewhere: "This account is open in too many places.",
    here: "Use it here",
    navigation: "Main",
    people: "People",
    requests: "Requests: {n}",
    skip: "Skip to content",
    songs: "Songs",
    toys: "Toys",
    unread: "{n} unread",
  },
  zh: {
    account: "我",
    app: "玩具悄悄话",
    away: "连接断开，正在重试…",
    back: "返回",
    chats: "聊天",
    connecting: "正在连接…",
    elsewhere: "这个账号在太多地方打开了。",
    here: "在这里使用",
    navigation: "主导航",
    people: "联系人",
    requests: "{n} 个请求",
    skip: "跳到内容",
    songs: "儿歌故事",
    toys: "玩具",
    unread: "{n} 条未读",
  },
});

const TABS = /** @type {const} */ ([
  ["chats", "chat"],
  ["songs", "music"],
  ["toys", "toy"],
  ["people", "group"],
  ["account", "people"],
]);

/** @param {App} app @param {HTMLElement} place */
export function drawShell(app, place) {
  if (!app.isReady || !app.screen) return;
  document.title = titleOf(app);
  renderPage(app.path === "" ? html`<main id="content">${app.screen.view()}</main>` : inside(app), place);
}

/** Without names: titles stay in the history of the browser. @param {App} app */
function titleOf(app) {
  if (!app.path || !app.screen) return t("app");
  const { unread } = app.family;
  return `${unread ? `(${unread}) ` : ""}${t(sectionOf(app.path))} · ${t("app")}`;
}

/** Every screen has a fresh `<main>`: it begins at its top. @param {App} app */
function inside(app) {
  const screen = /** @type {import("./app.js").Screen} */ (app.screen);
  const isDeep = app.path.includes("/");
  return html`
    <a class="skip visually-hidden" href="#content" @click=${skip}>${t("skip")}</a>
    <div class="shell ${isDeep ? "deep" : ""} ${screen.isFull ? "full" : ""}">
      <header class="bar">
        ${isDeep
          ? html`<a class="icon-button" href="#/${sectionOf(app.path)}" aria-label=${t("back")}>${icon("back")}</a>`
          : nothing}
        <div class="grow">
          <h1 class="one-line">${screen.title()}</h1>
          ${screen.subtitle?.() ?? nothing}
        </div>
        ${screen.action?.() ?? nothing}
      </header>
      ${connection(app)}
      ${keyed(screen, html`<main id="content" tabindex="-1">${screen.view()}</main>`)}
      <nav class="tabs" aria-label=${t("navigation")}>${TABS.map(([name, sign]) => tab(app, name, sign))}</nav>
    </div>
  `;
}

/** Quiet, and only when it is missing. @param {App} app */
function connection({ link }) {
  const words = { away: t("away"), connecting: t("connecting"), ended: t("elsewhere"), open: "" }[link.state];
  return html`<p class="connection" role="status" ?hidden=${!words}>
    ${words}
    ${link.state === "ended"
      ? html`<button class="link-button" @click=${() => link.restart()}>${t("here")}</button>`
      : nothing}
  </p>`;
}

/** @param {App} app @param {"chats" | "songs" | "toys" | "people" | "account"} name @param {Parameters<typeof icon>[0]} sign */
function tab(app, name, sign) {
  const count = name === "chats" ? app.family.unread : name === "people" ? app.family.requests : 0;
  const isHere = sectionOf(app.path) === name;
  const words = t(name === "people" ? "requests" : "unread", { n: count });
  return html`<a class="tab" href="#/${name}" aria-current=${isHere ? "page" : "false"}>
    ${icon(sign)}<span>${t(name)}</span>
    ${count ? html`<span class="badge" aria-label=${words}>${count > 99 ? "99+" : count}</span>` : nothing}
  </a>`;
}

/** The tab that a path belongs to. @param {string} path */
const sectionOf = (path) => TABS.find(([name]) => path.startsWith(name))?.[0] ?? "people";

/** The hash belongs to the routes, so the skip link moves the focus itself. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
