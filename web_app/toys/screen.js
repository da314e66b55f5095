// The family's toys.

import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { loading } from "../loading.js";
import { presence, silence } from "../presence.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    add: "Add a toy",
    empty: "No toy yet",
    empty_words: "Switch your toy on. It shows a code: scan it, and the toy finds its way to you.",
    title: "Toys",
  },
  zh: {
    add: "添加玩具",
    empty: "还没有玩具",
    empty_words: "打开玩具，它会显示一个配对码。扫一扫，它就到家了。",
    title: "玩具",
  },
});

export class ToysScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;

  title = () => t("title");
  open = () => void this.#app.family.load();

  action() {
    if (!this.#app.family.toys.length) return nothing;
    return html`<a class="icon-button" href="#/toys/add" aria-label=${t("add")}>${icon("add")}</a>`;
  }

  view() {
    const { toys, isLoaded } = this.#app.family;
    if (!isLoaded) return loading();
    if (!toys.length) return empty();
    return html`<div class="page"><ul class="toys-list">${repeat(toys, (one) => one.id, card)}</ul></div>`;
  }
}

/** @param {Toy} toy */
function card(toy) {
  const { id, name, picture, colour } = toy;
  return html`<li>
    <a class="card toys-card" href="#/toys/${id}">
      ${avatar({ id, name, picture, colour, kind: "toy" }, "large")}
      <span class="toys-card-words">
        <strong class="one-line">${name}</strong>
        ${toy.child_name ? html`<span class="one-line quiet">${toy.child_name}</span>` : nothing}
        <span class="toys-pills">${presence(toy)}${silence(toy)}</span>
      </span>
    </a>
  </li>`;
}

function empty() {
  return html`<div class="empty">
    ${avatar({ id: "", name: "", kind: "toy", picture: "bear", colour: "honey" }, "large")}
    <h2>${t("empty")}</h2>
    <p>${t("empty_words")}</p>
    <a class="button" href="#/toys/add">${icon("add")} ${t("add")}</a>
  </div>`;
}
