// Coming in: log in, or make an account.

import { get, post } from "../../web_common/api.js";
import { PICTURES } from "../../web_common/avatar.js";
import { html, nothing } from "../../web_common/html.js";
import { problemWords } from "../../web_common/problems.js";
import { appearance } from "../appearance.js";
import { t } from "./words.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {"log_in" | "register"} Deed */

/** How often we look for a server that is away, in milliseconds. */
const LOOK_AGAIN = 3_000;

export class EntranceScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;
  /** @type {Deed} */
  #deed = "log_in";
  #problem = "";
  #isBusy = false;
  #isPasswordShown = false;
  /** @type {number | undefined} */
  #timer;

  title = () => t("app");

  open() {
    if (!this.#app.config) this.#timer = setInterval(() => void this.#findServer(), LOOK_AGAIN);
  }

  close() {
    clearInterval(this.#timer);
  }

  view() {
    return html`
      <div class="entrance">
        <div class="entrance-top">
          ${bear()}
          <h1>${t("app")}</h1>
          <p class="quiet">${t("sentence")}</p>
        </div>
        ${this.#app.config ? this.#card() : html`<p class="card" role="status">${t("away")}</p>`}
        ${appearance(this.#app)}
      </div>
    `;
  }

  #card() {
    return html`
      <section class="card" aria-labelledby="entrance-deed">
        <h2 id="entrance-deed">${t(this.#deed)}</h2>
        ${scannedWords(this.#app.scanned)}
        ${this.#deed === "register" && this.#registration === "closed" ? html`<p>${t("closed")}</p>` : this.#form()}
        <button class="button secondary wide" @click=${this.#turn}>
          ${this.#deed === "log_in" ? t("no_account") : t("has_account")}
        </button>
      </section>
    `;
  }

  #form() {
    return html`
      <form @submit=${this.#submit} aria-labelledby="entrance-deed">
        <div class="field">
          <label for="entrance-name">${t("name")}</label>
          <input id="entrance-name" name="name" autocomplete="username" autocapitalize="words" spellcheck="false"
            maxlength="64" required aria-describedby=${this.#deed === "register" ? "entrance-name-hint" : nothing} />
          ${this.#hint("entrance-name-hint", t("name_hint"))}
        </div>
        ${this.#password()}
        ${this.#deed === "register" && this.#registration === "invitation" ? invitation() : nothing}
        <p class="problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
        <button class="button wide" ?disabled=${this.#isBusy}>${t(this.#isBusy ? `${this.#deed}_busy` : this.#deed)}</button>
      </form>
    `;
  }

  #password() {
    const isShown = this.#isPasswordShown;
    return html`
      <div class="field">
        <label for="entrance-password">${t("password")}</label>
        <div class="entrance-password">
          <input id="entrance-password" name="password" type=${isShown ? "text" : "password"} required maxlength="1024"
            autocomplete=${this.#deed === "log_in" ? "current-password" : "new-password"} autocapitalize="off"
            spellcheck="false" aria-describedby=${this.#deed === "register" ? "entrance-password-hint" : nothing} />
          <button type="button" class="link-button" aria-label=${isShown ? t("hide_password") : t("show_password")}
            @click=${this.#showPassword}>${isShown ? t("hide") : t("show")}</button>
        </div>
        ${this.#hint("entrance-password-hint", t("password_hint"))}
      </div>
    `;
  }

  /** Whoever registers reads what is wanted; whoever logs in knows. @param {string} id @param {string} words */
  #hint(id, words) {
    return this.#deed === "register" ? html`<span class="hint" id=${id}>${words}</span>` : nothing;
  }

  get #registration() {
    return this.#app.config?.registration ?? "closed";
  }

  #turn = () => {
    this.#deed = this.#deed === "log_in" ? "register" : "log_in";
    this.#problem = "";
    this.#app.changed();
  };

  #showPassword = () => {
    this.#isPasswordShown = !this.#isPasswordShown;
    this.#app.changed();
  };

  /** @param {SubmitEvent} event */
  #submit = async (event) => {
    event.preventDefault();
    const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this.#isBusy = true;
    this.#problem = "";
    this.#app.changed();
    try {
      await post(this.#deed === "log_in" ? "/sessions" : "/accounts", asBody(given));
      await this.#app.loggedIn();
    } catch (error) {
      this.#problem = problemWords(error, { not_authenticated: t("wrong") });
    }
    this.#isBusy = false;
    this.#app.changed();
  };

  async #findServer() {
    try {
      this.#app.config = await get("/config");
    } catch {
      return; // still away
    }
    clearInterval(this.#timer);
    this.#app.changed();
  }
}

/** @param {FormData} given */
function asBody(given) {
  const { name, password, invitation: code } = Object.fromEntries(given);
  return { name, password, ...(code ? { invitation: code } : {}) };
}

/** @param {string | null} path where it leads */
function scannedWords(path) {
  if (!path) return nothing;
  return html`<p class="entrance-scanned">${path.startsWith("toys/") ? t("scanned_toy") : t("scanned_contact")}</p>`;
}

function invitation() {
  return html`
    <div class="field">
      <label for="entrance-invitation">${t("invitation")}</label>
      <input id="entrance-invitation" name="invitation" autocomplete="off" autocapitalize="characters" spellcheck="false"
        maxlength="64" required aria-describedby="entrance-invitation-hint" />
      <span class="hint" id="entrance-invitation-hint">${t("invitation_hint")}</span>
    </div>
  `;
}

const bear = () => html`<svg class="entrance-bear" viewBox="0 0 48 48" aria-hidden="true">${PICTURES.get("bear")}</svg>`;
