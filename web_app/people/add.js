// Getting to know another family: show our code, or ask for theirs.

import { html } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";
import { scanCode } from "../toys/scanner.js";
import { AskForm } from "./ask.js";
import { MyCard } from "./card.js";
import { readContactId } from "./contact_id.js";

/** @typedef {import("../app.js").App} App */

const t = texts({
  en: { title: "Add somebody" },
  zh: { title: "添加联系人" },
});

export class AddContactScreen {
  /** @param {App} app @param {string} [id] whom to ask, from a scanned code */
  constructor(app, id = "") {
    this.#app = app;
    this.#card = new MyCard(app);
    this.#form = new AskForm(app, id, () => scanCode((text) => readContactId(text) || null));
    this.#isAsked = id !== "";
  }

  #app;
  #card;
  #form;
  #isAsked;

  title = () => t("title");

  open() {
    this.#app.link.addEventListener("frame:welcome", this.#card.open);
    return this.#card.open();
  }

  close() {
    this.#app.link.removeEventListener("frame:welcome", this.#card.open);
  }

  view() {
    const halves = [this.#card.view(), this.#form.view()];
    return html`<div class="page people">${this.#isAsked ? halves.reverse() : halves}</div>`;
  }
}
