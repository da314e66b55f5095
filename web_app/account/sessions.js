// Where the reader is logged in, and ending that from here.

import { get, remove } from "../../web_common/api.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";
import { shortWhen } from "../../web_common/times.js";
import { clientName } from "./client_name.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Session} Session */

/** So many are shown at first. */
const FEW = 4;

const t = texts({
  en: {
    all: "Show all {n}",
    end: "Log out there",
    end_label: "Log out there: {name}, since {when}",
    heading: "Where you are logged in",
    here: "This one",
    since: "Since {when}",
  },
  zh: {
    all: "显示全部 {n} 个",
    end: "退出登录",
    end_label: "退出登录：{name}，{when}起",
    heading: "登录的设备",
    here: "当前设备",
    since: "{when}起",
  },
});

export class Sessions {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;
  /** Empty until they are known: the reader is logged in here at least. @type {Session[]} */
  #sessions = [];
  #showsAll = false;

  load = async () => {
    try {
      const { sessions } = await get("/sessions");
      // This one first; the others as they come, newest first.
      this.#sessions = sessions.sort((/** @type {Session} */ a, /** @type {Session} */ b) => Number(b.is_current) - Number(a.is_current));
    } catch {
      // The server is away, which the frame shows; it comes with the next welcome.
    }
    this.#app.changed();
  };

  view() {
    if (!this.#sessions.length) return nothing;
    const shown = this.#showsAll ? this.#sessions : this.#sessions.slice(0, FEW);
    return html`<section class="stack">
      <h2>${t("heading")}</h2>
      <ul class="list card account-list">
        ${repeat(shown, (one) => one.id, (one) => this.#row(one))}
      </ul>
      ${shown.length < this.#sessions.length
        ? html`<button class="button secondary" @click=${this.#showAll}>${t("all", { n: this.#sessions.length })}</button>`
        : nothing}
    </section>`;
  }

  #showAll = () => {
    this.#showsAll = true;
    this.#app.changed();
  };

  /** @param {Session} session */
  #row(session) {
    const name = clientName(session.label);
    const when = shortWhen(session.since);
    return html`<li class="list-row account-session">
      <span class="grow">
        <span class="account-line">${name}</span>
        <span class="quiet small account-line">${t("since", { when })}</span>
      </span>
      ${session.is_current
        ? html`<span class="pill on">${t("here")}</span>`
        : html`<button class="button secondary" aria-label=${t("end_label", { name, when })} @click=${() => this.#end(session)}>
            ${t("end")}
          </button>`}
    </li>`;
  }

  /** @param {Session} session */
  async #end(session) {
    await this.#app.attempt(() => remove(`/sessions/${session.id}`));
    await this.load();
  }
}
