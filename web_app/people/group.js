// One group: who is in it, what it is called, coming and going.

import { get, patch, post, remove } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { confirm, Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";
import { loading } from "../loading.js";
import { candidates, memberChoice, memberProblem } from "./members.js";
import { MOST_NAME, NewGroup } from "./new_group.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Group} Group */
/** @typedef {import("../../web_common/types.js").Party} Party */

const t = texts({
  en: {
    add: "Add",
    add_title: "Add to the group",
    chat: "Open the chat",
    delete: "Delete the group",
    delete_title: "Delete {group}?",
    delete_words: "It goes for everybody, with all that was said in it.",
    delete_yes: "Delete",
    everybody: "Everybody you may talk with is in it already.",
    family_words: "This is the group of a family. It comes with the toy, and follows its guardians by itself.",
    gone: "This group is not there (any more).",
    leave: "Leave the group",
    leave_title: "Leave {group}?",
    leave_words: "You hear no more of what is said in it.",
    leave_yes: "Leave",
    members: "Members",
    name: "Name of the group",
    new: "New group",
    owner: "Group owner",
    remove: "Take {name} out",
    remove_title: "Take {name} out of the group?",
    remove_words: "They hear no more of what is said in it.",
    remove_yes: "Take out",
    save: "Save",
    saved: "Saved.",
    title: "Group",
    you: "{name} (you)",
  },
  zh: {
    add: "添加",
    add_title: "添加到群聊",
    chat: "打开聊天",
    delete: "删除群聊",
    delete_title: "删除“{group}”？",
    delete_words: "群聊和里面的全部内容会对所有人删除。",
    delete_yes: "删除",
    everybody: "你能说话的人都已经在群里了。",
    family_words: "这是家庭群聊。它随玩具而来，成员随监护人自动更新。",
    gone: "这个群聊（已经）不在了。",
    leave: "退出群聊",
    leave_title: "退出“{group}”？",
    leave_words: "之后你听不到群里说的话了。",
    leave_yes: "退出",
    members: "成员",
    name: "群聊名称",
    new: "新建群聊",
    owner: "群主",
    remove: "移出{name}",
    remove_title: "把{name}移出群聊？",
    remove_words: "对方之后听不到群里说的话了。",
    remove_yes: "移出",
    save: "保存",
    saved: "已保存。",
    title: "群聊",
    you: "{name}（你）",
  },
});

export class GroupScreen {
  /** @param {App} app @param {string} id or `new` */
  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.#maker = id === "new" ? new NewGroup(app) : null;
  }

  #app;
  #id;
  #maker;
  /** Undefined until it is known, null where it is not there. @type {Group | null | undefined} */
  #group;

  title = () => (this.#maker ? t("new") : (this.#group?.name ?? t("title")));

  async open() {
    if (this.#maker) return;
    this.#app.link.addEventListener("frame:welcome", this.#load);
    await this.#load();
  }

  close() {
    this.#app.link.removeEventListener("frame:welcome", this.#load);
  }

  #load = async () => {
    try {
      const { groups } = await get("/groups");
      this.#group = groups.find((/** @type {Group} */ one) => one.id === this.#id) ?? null;
    } catch {
      // The server is away, which the frame shows; it comes with the next welcome.
    }
    this.#app.changed();
  };

  view() {
    const group = this.#group;
    if (group === undefined && !this.#maker) return loading();
    return html`<div class="page people">
      ${this.#maker ? this.#maker.view() : group ? this.#groupView(group) : html`<p class="empty quiet">${t("gone")}</p>`}
    </div>`;
  }

  /** @param {Group} group */
  #groupView(group) {
    const isOwner = group.owner_id === this.#app.myId;
    const isIn = group.members.some((one) => one.id === this.#app.myId);
    return html`
      ${isIn ? html`<a class="button wide" href="#/chats/${group.id}">${icon("chat")} ${t("chat")}</a>` : nothing}
      ${group.kind === "family" ? html`<p class="quiet">${t("family_words")}</p>` : nothing}
      ${isOwner ? this.#nameForm(group) : nothing}
      <section class="stack">
        <div class="row spread">
          <h2>${t("members")}</h2>
          ${isOwner
            ? html`<button class="button secondary" @click=${() => this.#addSheet(group)}>${icon("add")} ${t("add")}</button>`
            : nothing}
        </div>
        <ul class="list card people-list">
          ${repeat(group.members, (one) => one.id, (one) => this.#member(group, one))}
        </ul>
      </section>
      ${group.kind === "custom" ? this.#ways(group, isIn, isOwner) : nothing}
    `;
  }

  /** @param {Group} group */
  #nameForm(group) {
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("name")).trim();
      if (name && name !== group.name) void this.#change(() => patch(`/groups/${group.id}`, { name }));
    };
    return html`<form class="card" @submit=${submit}>
      <div class="field">
        <label for="group-name">${t("name")}</label>
        <div class="row people-nickname">
          <input class="grow" id="group-name" name="name" required maxlength=${MOST_NAME} autocomplete="off" value=${group.name} />
          <button class="button secondary">${t("save")}</button>
        </div>
      </div>
    </form>`;
  }

  /** @param {Group} group @param {Party} one */
  #member(group, one) {
    const isMe = one.id === this.#app.myId;
    const mayGo = group.kind === "custom" && !isMe && (group.owner_id === this.#app.myId || this.#app.family.toy(one.id));
    return html`<li class="list-row">
      ${avatar(this.#app.family.face(one))}
      <span class="grow one-line people-name">${isMe ? t("you", { name: one.name }) : one.name}</span>
      ${one.id === group.owner_id ? html`<span class="pill">${t("owner")}</span>` : nothing}
      ${mayGo
        ? html`<button class="icon-button" aria-label=${t("remove", { name: one.name })} @click=${() => this.#takeOut(group, one)}>
            ${icon("close")}
          </button>`
        : nothing}
    </li>`;
  }

  /** Out of it. @param {Group} group @param {boolean} isIn @param {boolean} isOwner */
  #ways(group, isIn, isOwner) {
    return html`<div class="people-answers">
      ${isIn ? html`<button class="button secondary" @click=${() => this.#leave(group)}>${t("leave")}</button>` : nothing}
      ${isOwner ? html`<button class="button danger" @click=${() => this.#delete(group)}>${t("delete")}</button>` : nothing}
    </div>`;
  }

  /** @param {Group} group */
  #addSheet(group) {
    const parties = candidates(this.#app, group.members);
    /** @type {Set<string>} */
    const ticked = new Set();
    let problem = "";
    new Sheet(t("add_title"), (sheet) => {
      if (!parties.length) return html`<p class="quiet">${t("everybody")}</p>`;
      const add = async () => {
        problem = await this.#addAll(group, ticked);
        if (problem) sheet.draw();
        else sheet.close();
      };
      return html`${memberChoice({ app: this.#app, parties, ticked, changed: () => sheet.draw() })}
        <p class="problem" role="alert" ?hidden=${!problem}>${problem}</p>
        <button class="button wide" ?disabled=${!ticked.size} @click=${add}>${t("add")}</button>`;
    });
  }

  /** What went wrong, or "". @param {Group} group @param {Set<string>} ids those that are in leave it */
  async #addAll(group, ids) {
    try {
      for (const id of [...ids]) {
        await post(`/groups/${group.id}/members`, { id });
        ids.delete(id);
      }
      return "";
    } catch (error) {
      return memberProblem(error);
    } finally {
      void this.#again();
    }
  }

  /** @param {Group} group @param {Party} one */
  async #takeOut(group, one) {
    const question = { title: t("remove_title", { name: one.name }), body: t("remove_words"), yes: t("remove_yes"), isDangerous: true };
    if (await confirm(question)) await this.#change(() => remove(`/groups/${group.id}/members/${one.id}`));
  }

  /** @param {Group} group */
  async #leave(group) {
    const question = { title: t("leave_title", { group: group.name }), body: t("leave_words"), yes: t("leave_yes"), isDangerous: true };
    if (!(await confirm(question))) return;
    await this.#goAfter(() => remove(`/groups/${group.id}/members/${this.#app.myId}`));
  }

  /** @param {Group} group */
  async #delete(group) {
    const question = { title: t("delete_title", { group: group.name }), body: t("delete_words"), yes: t("delete_yes"), isDangerous: true };
    if (await confirm(question)) await this.#goAfter(() => remove(`/groups/${group.id}`));
  }

  /** @param {() => Promise<unknown>} deed after which the group is no longer ours */
  async #goAfter(deed) {
    if (!(await this.#app.attempt(deed))) return;
    void this.#app.family.load();
    this.#app.go("people");
  }

  /** @param {() => Promise<unknown>} deed */
  async #change(deed) {
    if (await this.#app.attempt(deed)) toast(t("saved"));
    await this.#again();
  }

  #again = () => Promise.all([this.#load(), this.#app.family.load()]);
}
