// Everybody the family may talk with: requests that wait, contacts by our side, and groups.

import { get } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { listed, texts } from "../../web_common/texts.js";
import { loading } from "../loading.js";
import { Contacts } from "./contacts.js";
import { ourSides, sideName } from "./sides.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Contact} Contact */
/** @typedef {import("../../web_common/types.js").Group} Group */

const t = texts({
  en: {
    add: "Add somebody",
    family: "Family",
    groups: "Groups",
    mine: "My contacts",
    new_group: "New group",
    no_contacts: "Nobody yet",
    no_contacts_words: "Friends and grandparents come in when the grown-ups of both families agree. Show them your code, or ask for theirs.",
    title: "People",
    toys: "{toy}'s contacts",
  },
  zh: {
    add: "添加联系人",
    family: "家庭",
    groups: "群聊",
    mine: "我的联系人",
    new_group: "新建群聊",
    no_contacts: "还没有联系人",
    no_contacts_words: "两家的家长都同意后，朋友和爷爷奶奶就能加进来。给对方看你的二维码，或者向对方要一个。",
    title: "联系人",
    toys: "{toy}的联系人",
  },
});

export class PeopleScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#contacts = new Contacts(app, this.#loadGroups);
  }

  #app;
  #contacts;
  /** @type {Group[]} */
  #groups = [];

  title = () => t("title");
  action = () => html`<a class="icon-button" href="#/people/add" aria-label=${t("add")}>${icon("add")}</a>`;
  open = () => this.#contacts.open();
  close = () => this.#contacts.close();

  #loadGroups = async () => {
    try {
      this.#groups = (await get("/groups")).groups;
    } catch {
      // The server is away, as for the contacts.
    }
  };

  view() {
    const { all } = this.#contacts;
    if (!all) return loading();
    const agreed = all.filter((one) => one.state === "agreed");
    return html`<div class="page people">
      ${this.#contacts.incoming(all)} ${agreed.length ? this.#bySide(agreed) : all.length ? nothing : empty()}
      ${this.#contacts.outgoing(all)} ${this.#groupsView()}
    </div>`;
  }

  /** @param {Contact[]} agreed */
  #bySide(agreed) {
    return ourSides(this.#app).map((side) => {
      const theirs = agreed.filter((one) => one.for.id === side.id);
      if (!theirs.length) return nothing;
      const isMe = side.id === this.#app.myId;
      return html`<section class="stack">
        <h2>${isMe ? t("mine") : t("toys", { toy: sideName(this.#app, side) })}</h2>
        <ul class="list card people-list">${this.#contacts.rows(theirs)}</ul>
      </section>`;
    });
  }

  #groupsView() {
    return html`<section class="stack">
      <div class="row spread">
        <h2>${t("groups")}</h2>
        <a class="button secondary" href="#/groups/new">${icon("group")} ${t("new_group")}</a>
      </div>
      ${this.#groups.length
        ? html`<ul class="list card people-list">
            ${repeat(this.#groups, (one) => one.id, groupRow)}
          </ul>`
        : nothing}
    </section>`;
  }
}

const empty = () => html`<section class="empty card">
  <h2>${t("no_contacts")}</h2>
  <p>${t("no_contacts_words")}</p>
  <a class="button" href="#/people/add">${icon("add")} ${t("add")}</a>
</section>`;

/** @param {Group} group */
const groupRow = (group) => html`<li>
  <a class="list-row" href="#/groups/${group.id}">
    ${avatar({ id: group.id, name: group.name, kind: group.kind })}
    <span class="grow">
      <span class="people-name one-line">${group.name}</span>
      <span class="quiet small one-line people-name">${listed(group.members.map((one) => one.name))}</span>
    </span>
    ${group.kind === "family" ? html`<span class="pill">${t("family")}</span>` : nothing}
  </a>
</li>`;
