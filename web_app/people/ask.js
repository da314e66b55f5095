// "Ask somebody": whom, for which of us, and what became of it.

import { post, Problem } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { problemWords } from "../../web_common/problems.js";
import { texts } from "../../web_common/texts.js";
import { readContactId } from "./contact_id.js";
import { ourSides, sideChoice } from "./sides.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Contact} Contact */

const t = texts({
  en: {
    agreed: "Agreed! {side} and {name} can talk now.",
    another: "Ask somebody else",
    ask: "Ask",
    asked: "Asked. As soon as their grown-ups agree, you see it here.",
    heading: "Ask somebody",
    hint: "The grown-ups of both families have to agree before anybody can talk.",
    no_id: "No ID was found in this. It begins with p_ or t_.",
    one_family: "You are one family, and can talk without being contacts.",
    ourselves: "These two are the same.",
    scan: "Scan a code",
    unknown: "This ID cannot be asked.",
    who: "Their ID or link",
    whose: "Who would like to talk with them?",
    you: "You",
  },
  zh: {
    agreed: "已同意！{side}和{name}现在可以说话了。",
    another: "再请求一位",
    ask: "发送请求",
    asked: "请求已发送。对方家长同意后，会显示在这里。",
    heading: "请求联系",
    hint: "两家的家长都同意后，才能开始说话。",
    no_id: "这里面没有 ID。ID 以 p_ 或 t_ 开头。",
    one_family: "你们是一家人，不用加联系人就能说话。",
    ourselves: "这两个是同一个。",
    scan: "扫一扫",
    unknown: "无法向这个 ID 发送请求。",
    who: "对方的 ID 或链接",
    whose: "谁想和对方说话？",
    you: "你",
  },
});

/** The form, and its answer. */
export class AskForm {
  /** @param {App} app @param {string} id whom to ask, from a scanned code @param {() => Promise<string | null>} scan gives an id */
  constructor(app, id, scan) {
    this.#app = app;
    this.#text = id;
    this.#scan = scan;
  }

  #app;
  #scan;
  #text;
  #side = "";
  #problem = "";
  #isBusy = false;
  /** What we asked for. @type {Contact | null} */
  #made = null;

  view() {
    return html`<section class="card">
      <h2>${t("heading")}</h2>
      ${this.#made ? this.#result(this.#made) : this.#form()}
    </section>`;
  }

  #form() {
    return html`<form @submit=${this.#submit} novalidate>
      <div class="field">
        <label for="contact-id">${t("who")}</label>
        <div class="people-scan">
          <input id="contact-id" autocomplete="off" autocapitalize="none" spellcheck="false" .value=${this.#text}
            aria-invalid=${this.#problem ? "true" : "false"} aria-describedby="contact-problem" @input=${this.#typed} />
          <button type="button" class="button secondary" @click=${this.#scanNow}>${icon("scan")} ${t("scan")}</button>
        </div>
      </div>
      ${sideChoice({ app: this.#app, legend: t("whose"), chosen: this.#sideId, choose: this.#choose })}
      <p class="quiet small">${t("hint")}</p>
      <p class="problem" id="contact-problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
      <button class="button wide" ?disabled=${this.#isBusy}>${t("ask")}</button>
    </form>`;
  }

  /** @param {Contact} made */
  #result(made) {
    const side = made.for.id === this.#app.myId ? t("you") : made.for.name;
    const words = made.state === "agreed" ? t("agreed", { side, name: made.with.name }) : t("asked");
    return html`<p class="people-result" role="status" tabindex="-1">${icon(made.state === "agreed" ? "check" : "clock")} ${words}</p>
      <div class="people-answers">
        <button class="button secondary" @click=${this.#again}>${t("another")}</button>
      </div>`;
  }

  get #sideId() {
    return this.#side || this.#app.myId;
  }

  #choose = (/** @type {string} */ id) => {
    this.#side = id;
    this.#app.changed();
  };

  #typed = (/** @type {Event} */ event) => {
    this.#text = /** @type {HTMLInputElement} */ (event.target).value;
    this.#say("");
  };

  #again = () => {
    this.#made = null;
    this.#text = "";
    this.#say("");
  };

  #scanNow = async () => {
    const found = await this.#scan();
    if (found === null) return;
    this.#text = found;
    this.#say(this.#objection(found));
  };

  /** What is wrong with whom they name, before anybody is asked. @param {string} id */
  #objection(id) {
    if (!id) return t("no_id");
    if (id === this.#sideId) return t("ourselves");
    // Two toys of ours may become contacts, at once; we and a toy of ours need not.
    const isOurs = ourSides(this.#app).some((side) => side.id === id);
    return isOurs && [id, this.#sideId].includes(this.#app.myId) ? t("one_family") : "";
  }

  #submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const id = readContactId(this.#text);
    const objection = this.#objection(id);
    if (objection) return this.#say(objection);
    this.#isBusy = true;
    this.#say("");
    try {
      this.#made = await post("/contacts", { with: id, for: this.#sideId });
      void this.#app.family.load();
    } catch (error) {
      this.#problem = askProblem(error);
    }
    this.#isBusy = false;
    this.#app.changed();
  };

  /** @param {string} problem */
  #say(problem) {
    this.#problem = problem;
    this.#app.changed();
  }
}

/** @param {unknown} error */
function askProblem(error) {
  const code = error instanceof Problem ? error.code : "";
  if (code === "unknown_recipient") return t("unknown");
  if (code === "missing_field") return t("one_family");
  return problemWords(error);
}
