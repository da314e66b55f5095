// Taking a toy home: its code, then its looks, then hello. A toy that has a home already only asks for the code.

import { patch, post, Problem } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, live } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { problemWords } from "../../web_common/problems.js";
import { askConsent } from "./consent.js";
import { t } from "./add_words.js";
import { grouped, readCode } from "./codes.js";
import { looksChoice } from "./looks.js";
import { scanCode } from "./scanner.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

export class AddToyScreen {
  /** @param {App} app @param {string} [code] that was scanned before */
  constructor(app, code = "") {
    this.#app = app;
    this.#code = grouped(code);
  }

  #app;
  #code;
  /** Ours since its code was taken. @type {Toy | null} */
  #toy = null;
  #isDone = false;
  #looks = { picture: "bear", colour: "honey" };
  #problem = "";
  #isBusy = false;

  title = () => t("title");

  view() {
    const step = !this.#toy ? this.#codeStep() : this.#isDone ? this.#hello(this.#toy) : this.#looksStep();
    return html`<div class="page toys-add">${step}</div>`;
  }

  // ── its code ──

  #codeStep() {
    return html`
      <p class="toys-add-lead">${t("switch_on")}</p>
      <button class="toys-scan" @click=${this.#scan}>${icon("scan")}<span>${t("scan")}</span></button>
      <p class="toys-or"><span>${t("or")}</span></p>
      <form class="card" @submit=${this.#bind}>
        <div class="field">
          <label for="toys-code">${t("code")}</label>
          <input id="toys-code" class="toys-code" .value=${live(this.#code)} @input=${this.#typed} autocomplete="off"
            autocapitalize="characters" spellcheck="false" enterkeyhint="go" placeholder="XXXX-XXXX" required
            aria-describedby="toys-code-problem" aria-invalid=${this.#problem ? "true" : "false"} />
        </div>
        ${this.#alert()}
        ${this.#button(t("go_on"))}
      </form>
    `;
  }

  #typed = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const isAtEnd = field.selectionStart === field.value.length;
    const found = readCode(field.value);
    if (found && "contact" in found) return this.#follow(found);
    this.#code = found ? found.claim : grouped(field.value);
    const caret = isAtEnd ? this.#code.length : field.selectionStart;
    field.value = this.#code;
    field.setSelectionRange(caret, caret);
    this.#say("");
  };

  #scan = async () => {
    this.#say("");
    const found = await scanCode(readCode);
    if (found) this.#follow(found);
  };

  /** @param {import("./codes.js").Code} found */
  #follow(found) {
    if ("contact" in found) return this.#app.go(`people/add/${found.contact}`);
    this.#code = found.claim;
    void this.#bind();
  }

  #bind = async (/** @type {Event | undefined} */ event = undefined) => {
    event?.preventDefault();
    const found = readCode(this.#code);
    if (!found || !("claim" in found)) return this.#say(t("code_short"));
    await this.#busy(async () => {
      const toy = await post("/toys", { claim: found.claim, name: t("first_name") });
      const isOwner = toy.guardians.some((/** @type {any} */ one) => one.id === this.#app.myId && one.role === "owner");
      // Whoever joins others finds everything as they have set it.
      this.#isDone = !isOwner;
      if (isOwner) await settleTimeZone(toy);
      this.#toy = toy;
      document.getElementById("content")?.focus();
    });
  };

  // ── its looks ──

  #looksStep() {
    return html`
      <form class="stack" @submit=${this.#finish}>
        <div class="toys-face">
          ${avatar({ id: "", name: "", kind: "toy", ...this.#looks }, "large")}
          <h2>${t("found")}</h2>
        </div>
        <div class="card">
          <div class="field">
            <label for="toys-name">${t("name")}</label>
            <input id="toys-name" name="name" required maxlength="64" autocomplete="off" placeholder=${t("first_name")} />
          </div>
          ${looksChoice(this.#looks, (change) => {
            this.#looks = { ...this.#looks, ...change };
            this.#app.changed();
          })}
        </div>
        <div class="card">
          <div class="field">
            <label for="toys-child">${t("child")}</label>
            <input id="toys-child" name="child_name" maxlength="64" autocomplete="off" aria-describedby="toys-child-hint" />
            <span class="hint" id="toys-child-hint">${t("child_hint")}</span>
          </div>
        </div>
        ${this.#alert()}
        ${this.#button(t("finish"))}
      </form>
    `;
  }

  #finish = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const toy = /** @type {Toy} */ (this.#toy);
    const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const child_name = String(given.get("child_name")).trim();
    await this.#busy(async () => {
      if (child_name && !toy.consent && !(await askConsent(toy.id))) return this.#say(t("no_consent"));
      const name = String(given.get("name")).trim();
      this.#toy = await patch(`/toys/${toy.id}`, { name, ...this.#looks, ...(child_name ? { child_name } : {}) });
      this.#isDone = true;
      document.getElementById("content")?.focus();
    });
  };

  // ── hello ──

  /** @param {Toy} toy */
  #hello({ id, name, picture, colour }) {
    return html`
      <div class="empty toys-hello" role="status">
        ${avatar({ id, name, kind: "toy", picture, colour }, "large")}
        <h2>${t("hello", { name })}</h2>
        <p>${t("hello_words")}</p>
        <a class="button" href="#/chats/${id}">${icon("mic")} ${t("say_hello")}</a>
        <a class="button secondary" href="#/toys/${id}">${t("settings")}</a>
      </div>
    `;
  }

  // ── both forms ──

  #alert() {
    return html`<p class="problem" id="toys-code-problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>`;
  }

  /** @param {string} words */
  #button(words) {
    return html`<button class="button wide" ?disabled=${this.#isBusy}>${this.#isBusy ? t("busy") : words}</button>`;
  }

  /** @param {() => Promise<unknown>} deed */
  async #busy(deed) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#say("");
    try {
      await deed();
      void this.#app.family.load();
    } catch (error) {
      this.#problem = problemWords(error);
    }
    this.#isBusy = false;
    this.#app.changed();
  }

  /** @param {string} problem */
  #say(problem) {
    this.#problem = problem;
    this.#app.changed();
  }
}

/** Quiet hours are meant where the child lives: here, as far as we know. @param {Toy} toy */
async function settleTimeZone({ id }) {
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    await patch(`/toys/${id}`, { time_zone });
  } catch (error) {
    // A zone that is too new for the server; the toy's page shows which one counts.
    if (!(error instanceof Problem) || error.code !== "invalid_value") throw error;
  }
}
