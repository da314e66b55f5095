// Making a group: what it is called, and who is in it.

import { post } from "../../web_common/api.js";
import { html } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";
import { candidates, memberChoice, memberProblem } from "./members.js";

/** @typedef {import("../app.js").App} App */

export const MOST_NAME = 64;

const t = texts({
  en: {
    add: "Add somebody",
    alone: "There is nobody yet to put into a group.",
    create: "Make the group",
    hint: "Everybody in the group hears what any of them says.",
    members: "Who is in it?",
    name: "Name of the group",
    no_members: "Tick at least one.",
    no_name: "Give the group a name.",
  },
  zh: {
    add: "添加联系人",
    alone: "还没有可以拉进群的人。",
    create: "创建群聊",
    hint: "群里任何人说的话，所有人都能听到。",
    members: "谁在群里？",
    name: "群聊名称",
    no_members: "请至少选一位。",
    no_name: "请给群聊起个名字。",
  },
});

export class NewGroup {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;
  #name = "";
  /** @type {Set<string>} */
  #ticked = new Set();
  #problem = "";
  #isBusy = false;

  view() {
    const parties = candidates(this.#app, []);
    if (this.#app.family.isLoaded && !parties.length) return nobody();
    return html`<form class="card" @submit=${this.#submit} novalidate>
      <div class="field">
        <label for="group-name">${t("name")}</label>
        <input id="group-name" maxlength=${MOST_NAME} autocomplete="off" .value=${this.#name}
          @input=${(/** @type {any} */ event) => (this.#name = event.target.value)} />
      </div>
      <fieldset class="people-members">
        <legend class="legend">${t("members")}</legend>
        <p class="quiet small">${t("hint")}</p>
        ${memberChoice({ app: this.#app, parties, ticked: this.#ticked, changed: () => this.#app.changed() })}
      </fieldset>
      <p class="problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
      <button class="button wide" ?disabled=${this.#isBusy}>${t("create")}</button>
    </form>`;
  }

  #submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    this.#problem = !this.#name.trim() ? t("no_name") : !this.#ticked.size ? t("no_members") : "";
    if (!this.#problem) await this.#create();
    this.#app.changed();
  };

  async #create() {
    this.#isBusy = true;
    this.#app.changed();
    try {
      const { id } = await post("/groups", { name: this.#name, members: [...this.#ticked] });
      await this.#app.family.load();
      this.#app.go(`chats/${id}`);
    } catch (error) {
      this.#problem = memberProblem(error);
    }
    this.#isBusy = false;
  }
}

const nobody = () => html`<section class="empty card">
  <p>${t("alone")}</p>
  <a class="button" href="#/people/add">${t("add")}</a>
</section>`;
