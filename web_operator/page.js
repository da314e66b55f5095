// The operator's page: who is here, and which of its three rooms is shown.

import { get, post, remove } from "../web_common/api.js";
import { html, nothing, renderPage } from "../web_common/html.js";
import { problemWords } from "../web_common/problems.js";
import { toastProblem } from "../web_common/toast.js";
import { forgetSession, remember, remembered } from "../web_common/session.js";
import { LANGS, lang, speak, texts } from "../web_common/texts.js";
import { LicencesRoom } from "./licences.js";
import { OverviewRoom } from "./overview.js";
import { ShelfRoom } from "./shelf.js";

/** @typedef {{ view: () => import("../web_common/html.js").View, open: () => void, close: () => void }} Room */

const ROOMS = /** @type {const} */ (["overview", "licences", "shelf"]);

const t = texts({
  en: {
    language: "Language",
    licences: "Licences",
    logIn: "Log in",
    logOut: "Log out",
    name: "Name",
    notOperator: "This account is not an operator's. Whoever runs the server can make it one: toybackend user operator NAME",
    overview: "Overview",
    password: "Password",
    rooms: "Rooms",
    shelf: "Shelf",
    title: "Operator",
    wrong: "The name or the password is wrong.",
  },
  zh: {
    language: "语言",
    licences: "授权码",
    logIn: "登录",
    logOut: "退出登录",
    name: "名字",
    notOperator: "这个账号不是运营者。服务器管理员可以运行：toybackend user operator 名字",
    overview: "概览",
    password: "密码",
    rooms: "栏目",
    shelf: "儿歌故事",
    title: "运营者",
    wrong: "名字或密码不对。",
  },
});

export class OperatorPage {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    addEventListener("hashchange", () => this.#follow());
  }

  #place;
  #isIn = false;
  #isDrawing = false;
  /** @type {string} */
  #problem = "";
  /** @type {typeof ROOMS[number]} */
  #name = "overview";
  /** @type {Room | null} */
  #room = null;

  async begin() {
    if (remembered()) {
      try {
        this.#enter(await get("/me"));
      } catch (error) {
        if (/** @type {any} */ (error).status === 401) forgetSession();
        else this.#problem = problemWords(error);
      }
    }
    this.changed();
  }

  changed() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      document.title = `${t("title")} · Toy talk`;
      renderPage(this.#isIn ? this.#inside() : this.#door(), this.#place);
    });
  }

  /** @param {import("../web_common/types.js").Me} me */
  #enter(me) {
    this.#isIn = me.is_operator;
    this.#problem = me.is_operator ? "" : t("notOperator");
    if (this.#isIn) this.#follow();
  }

  #follow() {
    if (!this.#isIn) return;
    this.#room?.close();
    this.#name = ROOMS.find((one) => location.hash === `#/${one}`) ?? "overview";
    const changed = () => this.changed();
    const make = { overview: OverviewRoom, licences: LicencesRoom, shelf: ShelfRoom }[this.#name];
    this.#room = new make(changed, () => this.#outside());
    this.#room.open();
    this.changed();
  }

  #inside() {
    return html`
      <header class="op-bar">
        <h1>${t("title")}</h1>
        <nav class="op-rooms" aria-label=${t("rooms")}>
          ${ROOMS.map((one) => html`<a href="#/${one}" aria-current=${one === this.#name ? "page" : "false"}>${t(one)}</a>`)}
        </nav>
        ${languages()}
        <button class="button secondary" @click=${() => this.#leave()}>${t("logOut")}</button>
      </header>
      <main class="op-page">${this.#room?.view()}</main>
    `;
  }

  #door() {
    return html`<main class="op-door">
      <h1>${t("title")}</h1>
      <form class="card" @submit=${(/** @type {SubmitEvent} */ event) => this.#logIn(event)}>
        <label class="field"><span>${t("name")}</span><input name="name" autocomplete="username" required maxlength="64" /></label>
        <label class="field"
          ><span>${t("password")}</span
          ><input name="password" type="password" autocomplete="current-password" required maxlength="256"
        /></label>
        ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
        <button class="button">${t("logIn")}</button>
      </form>
      ${languages()}
    </main>`;
  }

  /** @param {SubmitEvent} event */
  async #logIn(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    try {
      await post("/sessions", { name: form.get("name"), password: form.get("password") });
      const me = await get("/me");
      remember(me.id);
      this.#enter(me);
    } catch (error) {
      this.#problem = problemWords(error, { not_authenticated: t("wrong") });
    }
    this.changed();
  }

  async #leave() {
    try {
      await remove("/sessions/current");
      this.#outside();
    } catch (error) {
      toastProblem(error); // and still logged in
    }
  }

  #outside() {
    forgetSession();
    this.#room?.close();
    this.#room = null;
    this.#isIn = false;
    this.changed();
  }
}

function languages() {
  const names = { en: "English", zh: "中文" };
  return html`<label class="op-language"
    ><span class="visually-hidden">${t("language")}</span>
    <select @change=${(/** @type {Event} */ event) => speak(/** @type {any} */ (event.target).value)}>
      ${LANGS.map((one) => html`<option value=${one} ?selected=${one === lang()}>${names[one]}</option>`)}
    </select></label
  >`;
}
