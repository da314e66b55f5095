// Whom a toy may talk with beside its family, and the requests about it that wait.

import { html } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { loading } from "../loading.js";
import { Contacts } from "../people/contacts.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    add: "Add somebody",
    nobody: "Nobody but its grown-ups. Friends come in when the grown-ups of both families agree.",
    title: "Contacts",
  },
  zh: {
    add: "添加联系人",
    nobody: "除了它的家长，还没有别人。两家的家长都同意后，朋友就能加进来。",
    title: "联系人",
  },
});

export class ToyPeople {
  /** @param {App} app */
  constructor(app) {
    this.#contacts = new Contacts(app);
  }

  #contacts;

  open = () => this.#contacts.open();
  close = () => this.#contacts.close();

  /** @param {Toy} toy */
  view({ id }) {
    const ours = this.#contacts.all?.filter((one) => one.for.id === id);
    return html`
      ${this.#contacts.incoming(ours ?? [])}
      <section class="card" aria-labelledby="toy-people">
        <h2 id="toy-people">${t("title")}</h2>
        ${ours ? this.#list(ours.filter((one) => one.state === "agreed")) : loading()}
        <a class="button secondary" href="#/people/add">${icon("add")} ${t("add")}</a>
      </section>
      ${this.#contacts.outgoing(ours ?? [])}
    `;
  }

  /** @param {import("../../web_common/types.js").Contact[]} agreed */
  #list(agreed) {
    if (!agreed.length) return html`<p class="small quiet">${t("nobody")}</p>`;
    return html`<ul class="list">${this.#contacts.rows(agreed)}</ul>`;
  }
}
