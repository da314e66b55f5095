// The app: who is here, which screen is shown, and the things that all screens share. Drawing is `shell.js`.

import { get, Problem, remove } from "../web_common/api.js";
import { Link } from "../web_common/link.js";
import { Outbox } from "../web_common/outbox.js";
import { Player } from "../web_common/player.js";
import { forgetSession, onOtherSession, remember, remembered } from "../web_common/session.js";
import { texts } from "../web_common/texts.js";
import { toast, toastProblem } from "../web_common/toast.js";
import { Family } from "./family.js";
import { fetchScreens, findRoute } from "./routes.js";

/** @typedef {import("../web_common/types.js").Me} Me */
/** @typedef {import("../web_common/types.js").Config} Config */
/** @typedef {import("../web_common/html.js").View} View */

/**
 * What fills the screen. `view` draws it; `open` and `close` begin and end its life, such as listening to frames.
 * @typedef {{ title: () => string, view: () => View, open?: () => void | Promise<void>, close?: () => void,
 *   action?: () => View, subtitle?: () => View, isFull?: boolean }} Screen
 */

/** A claim or a contact from a scanned code, until somebody is logged in. */
const SCANNED = "toybackend.scanned";
/** Close code of a socket whose person opened more than are allowed. */
const REPLACED = 4409;
/** When the page loaded itself again for a newer release. */
const RENEWED = "toybackend.renewed";
const RENEW_MS = 60_000;
/** How many messages were unsent when the server turned us away. */
const TURNED_AWAY = "toybackend.turned_away";

const t = texts({
  en: {
    turned_away: "You were logged out here.",
    turned_away_unsent: "You were logged out here. Messages that could not be sent were deleted: {n}.",
  },
  zh: {
    turned_away: "你已在这里退出登录。",
    turned_away_unsent: "你已在这里退出登录。{n} 条未发送的消息已删除。",
  },
});

export class App {
  /** @param {() => void} draw */
  constructor(draw) {
    this.#draw = draw;
    this.link = new Link(() => this.#admit());
    this.link.addEventListener("state", () => this.changed());
    this.link.addEventListener("frame:welcome", () => this.#next !== this.path && void this.#show(this.#next));
    this.link.addEventListener("ended", (event) => this.#ended(/** @type {CustomEvent<number>} */ (event).detail));
    this.outbox = new Outbox(this.link);
    this.outbox.addEventListener("change", () => this.changed());
    this.player = new Player();
    this.player.addEventListener("change", () => this.changed());
    this.family = new Family(this);
    addEventListener("hashchange", () => void this.#follow());
    // A link to where one is already begins that screen anew; browsers see no change in it.
    addEventListener("click", ({ target }) => {
      const link = target instanceof Element && target.closest("a[href^='#/']");
      if (link && link.getAttribute("href") === location.hash) void this.#follow();
    });
    // Somebody logged in or out in another tab: the cookie is theirs now, and so is this one.
    onOtherSession(() => location.reload());
  }

  /** @type {Config | null} */
  config = null;
  /** Who is logged in. @type {Me | null} */
  me = null;
  /** False until it is known who is here. */
  isReady = false;
  /** @type {Screen | null} */
  screen = null;
  /** The route that is shown, such as `chats/t_…`. */
  path = "";

  #draw;
  #isDrawing = false;
  /** Where somebody wants to go. */
  #next = "";

  /** @param {Promise<Config | null>} config null while the server is away */
  async begin(config) {
    this.#keepScanned();
    // The files of the first screen come while the server is asked.
    void findRoute(this.#wanted).catch(() => {});
    this.config = await config;
    if (remembered()) await this.#comeBack();
    else this.#explain();
    this.isReady = true;
    await this.#follow();
  }

  /** Something that is shown is different now. */
  changed() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  /** @param {string} path such as `chats/t_…` */
  go(path) {
    if (location.hash === `#/${path}`) void this.#follow();
    else location.hash = `#/${path}`;
  }

  /** Do something that the server may refuse, and say so. False when it was refused. @param {() => Promise<unknown>} deed */
  async attempt(deed) {
    try {
      await deed();
      return true;
    } catch (error) {
      toastProblem(error);
      return false;
    } finally {
      this.changed();
    }
  }

  /** Known also before the server was asked; empty for nobody. */
  get myId() {
    return this.me?.id ?? remembered() ?? "";
  }

  /** Somebody has logged in. */
  async loggedIn() {
    await this.#meet(await get("/me"));
    await this.#comeBack();
    const scanned = this.#takeScanned();
    if (scanned) await this.#show(scanned);
    else this.go("chats");
  }

  /** Log out here. Without a server it cannot be done: the session would live on. */
  async logOut() {
    try {
      await remove("/sessions/current");
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) return toastProblem(error);
    }
    await this.goodbye();
  }

  /** Nobody is logged in any more: forget everything of theirs. A page that begins anew has nothing left in memory. */
  async goodbye() {
    this.link.stop();
    this.screen?.close?.();
    this.player.stop();
    this.family.close();
    await this.outbox.forget();
    forgetSession(this.me?.id);
    location.replace("/");
  }

  /** Where a scanned code leads; null for none. */
  get scanned() {
    return sessionStorage.getItem(SCANNED);
  }

  /** The same, once. */
  #takeScanned() {
    const { scanned } = this;
    sessionStorage.removeItem(SCANNED);
    return scanned;
  }

  /** Where the address leads whoever is here. */
  get #wanted() {
    return remembered() ? location.hash.slice(2) || this.scanned || "chats" : "";
  }

  /** Somebody is logged in, as far as is remembered; the link finds out whether it is still true. */
  async #comeBack() {
    // What is unsent is seen, and goes out, also when the server is found only later.
    await this.outbox.open(/** @type {string} */ (remembered()));
    this.family.listen();
    this.link.start();
    await this.family.load();
    if (this.family.isLoaded) requestIdle(() => void fetchScreens().catch(() => {}));
  }

  /** Before every socket: what is not known yet is asked for. An answer that we are nobody ends the link. */
  async #admit() {
    try {
      this.config ??= /** @type {Config} */ (await get("/config"));
      const me = /** @type {Me} */ (await get("/me"));
      if (me.id !== this.me?.id) await this.#meet(me);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) throw Object.assign(error, { final: true });
      throw error;
    }
    return { url: `${this.config.ws_url}/app`, hello: {} };
  }

  /** The server let us go, because we are nobody any more, or because we are here too often. @param {number} code */
  #ended(code) {
    if (code === REPLACED) return;
    const unsent = this.family.conversations.reduce((sum, { id }) => sum + this.outbox.pending(id).length, 0);
    sessionStorage.setItem(TURNED_AWAY, `${unsent}`);
    void this.goodbye();
  }

  /** Why the page is at the entrance again. */
  #explain() {
    const unsent = sessionStorage.getItem(TURNED_AWAY);
    sessionStorage.removeItem(TURNED_AWAY);
    if (unsent) toast(Number(unsent) ? t("turned_away_unsent", { n: unsent }) : t("turned_away"));
  }

  /** @param {Me} me */
  async #meet(me) {
    // Never one person's page with another person's cookie.
    if (this.me) return location.reload();
    this.me = me;
    remember(me.id);
    await this.outbox.open(me.id);
    this.changed();
  }

  /** A QR of ours opens `/?claim=…` or `/?contact=…`; the code does not stay in the address. */
  #keepScanned() {
    const asked = new URLSearchParams(location.search);
    const claim = asked.get("claim");
    const contact = asked.get("contact");
    if (claim) sessionStorage.setItem(SCANNED, `toys/add/${encodeURIComponent(claim)}`);
    if (contact) sessionStorage.setItem(SCANNED, `people/add/${encodeURIComponent(contact)}`);
    if (location.search) history.replaceState(null, "", `/${location.hash}`);
  }

  #follow() {
    const path = this.#wanted;
    if (path === this.scanned) this.#takeScanned();
    return this.#show(path);
  }

  /** @param {string} path */
  async #show(path) {
    this.#next = path;
    const make = await findRoute(path).catch(() => null);
    if (!make) return this.#lacksScreen();
    if (this.#next !== path) return; // somebody went on meanwhile
    // A code that binds a toy stays neither in the address nor in the history.
    if (path.startsWith("toys/add/")) history.replaceState(null, "", "#/toys/add");
    const isFirst = !this.screen;
    this.screen?.close?.();
    // Together: the frame of one screen is never seen around another one.
    this.path = path;
    this.screen = make(this);
    this.changed();
    // What had the focus is gone; whoever uses a keyboard or a screen reader goes on in the new screen.
    if (!isFirst) requestAnimationFrame(() => requestAnimationFrame(focusContent));
    await this.screen.open?.();
    this.changed();
  }

  /** A screen could not be fetched: there is no connection, or the server has a newer release and not that file. */
  #lacksScreen() {
    const isFresh = Date.now() - Number(sessionStorage.getItem(RENEWED)) < RENEW_MS;
    if (this.link.state !== "open" || isFresh) return toastProblem(new Problem("server_away"));
    sessionStorage.setItem(RENEWED, `${Date.now()}`);
    location.reload();
  }
}

function focusContent() {
  if (!document.querySelector("dialog[open]")) document.getElementById("content")?.focus({ preventScroll: true });
}

/** When there is nothing better to do. @param {() => void} deed */
function requestIdle(deed) {
  // Safari has no such thing.
  if ("requestIdleCallback" in window) requestIdleCallback(deed);
  else setTimeout(deed, 1_000);
}
