// The reader: what they are called, where they are logged in, and taking along or erasing what is theirs.

import { API, patch } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { problemWords } from "../../web_common/problems.js";
import { confirm } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { date } from "../../web_common/times.js";
import { toast } from "../../web_common/toast.js";
import { appearance } from "../appearance.js";
import { loading } from "../loading.js";
import { openEraseSheet } from "./erase.js";
import { openPasswordSheet } from "./password.js";
import { Sessions } from "./sessions.js";

/** @typedef {import("../app.js").App} App */

const MOST_NAME = 64;

const t = texts({
  en: {
    data: "What is yours",
    device: "On this device",
    erase: "Erase my account",
    erase_words: "Your account and everything of yours goes, at once and for good.",
    export: "Export everything",
    export_words: "A ZIP with your profile, toys, contacts, groups, messages and all recordings: to read, to listen to, and as JSON for programs.",
    log_out: "Log out",
    log_out_title: "Log out now?",
    name: "Name",
    name_hint: "Your family sees it, and you log in with it.",
    operator: "Operator's page",
    password: "Change the password",
    save: "Save",
    saved: "Saved.",
    since: "Here since {date}",
    title: "Me",
    unsent: "Not sent yet: {n}. What is not sent is lost when you log out.",
    version: "Version {version}",
  },
  zh: {
    data: "你的数据",
    device: "本设备",
    erase: "注销账号",
    erase_words: "你的账号和你的全部内容会立即永久删除。",
    export: "导出全部数据",
    export_words: "一个 ZIP 文件，包含你的资料、玩具、联系人、群聊、消息和所有录音：可以阅读、收听，也有供程序使用的 JSON。",
    log_out: "退出登录",
    log_out_title: "现在退出登录？",
    name: "名字",
    name_hint: "家人会看到它，你也用它登录。",
    operator: "运营页面",
    password: "修改密码",
    save: "保存",
    saved: "已保存。",
    since: "{date}加入",
    title: "我",
    unsent: "还有 {n} 条没有发送。退出登录后，没发送的内容会丢失。",
    version: "版本 {version}",
  },
});

export class AccountScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#sessions = new Sessions(app);
  }

  #app;
  #sessions;
  #problem = "";
  #isBusy = false;

  title = () => t("title");

  async open() {
    this.#app.link.addEventListener("frame:welcome", this.#sessions.load);
    await this.#sessions.load();
  }

  close() {
    this.#app.link.removeEventListener("frame:welcome", this.#sessions.load);
  }

  view() {
    const { me, config } = this.#app;
    return html`<div class="page account">
      ${me ? this.#profile(me) : loading()}
      <section class="stack">
        <h2>${t("device")}</h2>
        <div class="card">${appearance(this.#app)}</div>
      </section>
      ${me ? html`${this.#sessions.view()} ${this.#data()}` : nothing}
      <div class="account-end">
        ${me?.is_operator ? html`<a class="button secondary wide" href="/operator">${t("operator")}</a>` : nothing}
        <button class="button secondary wide" @click=${this.#logOut}>${t("log_out")}</button>
        ${config ? html`<p class="quiet small">${t("version", { version: config.version })}</p>` : nothing}
      </div>
    </div>`;
  }

  /** @param {import("../../web_common/types.js").Me} me */
  #profile(me) {
    return html`<section class="card">
      <div class="row account-who">
        ${avatar({ id: me.id, name: me.name })}
        <div class="grow">
          <h2 class="one-line">${me.name}</h2>
          <p class="quiet small">${t("since", { date: date(me.created_at) })}</p>
        </div>
      </div>
      <form @submit=${this.#rename}>
        <div class="field">
          <label for="account-name">${t("name")}</label>
          <div class="account-name">
            <input id="account-name" name="name" value=${me.name} required maxlength=${MOST_NAME} autocomplete="username" aria-describedby="name-hint" />
            <button class="button secondary" ?disabled=${this.#isBusy}>${t("save")}</button>
          </div>
          <span class="hint" id="name-hint">${t("name_hint")}</span>
        </div>
        <p class="problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
      </form>
      <button class="button secondary" @click=${() => openPasswordSheet(me.name, this.#sessions.load)}>
        ${icon("lock")} ${t("password")}
      </button>
    </section>`;
  }

  #rename = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("name")).trim();
    if (!name || name === this.#app.me?.name) return;
    this.#isBusy = true;
    this.#problem = "";
    this.#app.changed();
    try {
      this.#app.me = await patch("/me", { name });
      toast(t("saved"));
      void this.#app.family.load();
    } catch (error) {
      this.#problem = problemWords(error);
    }
    this.#isBusy = false;
    this.#app.changed();
  };

  #logOut = async () => {
    const { family, outbox } = this.#app;
    const n = family.conversations.reduce((sum, { id }) => sum + outbox.pending(id).length, 0);
    const question = { title: t("log_out_title"), body: t("unsent", { n }), yes: t("log_out"), isDangerous: true };
    if (n === 0 || (await confirm(question))) await this.#app.logOut();
  };

  #data() {
    return html`<section class="stack">
      <h2>${t("data")}</h2>
      <div class="card">
        <p class="quiet small" id="export-words">${t("export_words")}</p>
        <a class="button secondary" href="${API}/me/export" download aria-describedby="export-words">${icon("download")} ${t("export")}</a>
        <hr class="account-rule" />
        <p class="quiet small" id="erase-words">${t("erase_words")}</p>
        <button class="button danger" aria-describedby="erase-words" @click=${() => openEraseSheet(this.#app)}>${t("erase")}</button>
      </div>
    </section>`;
  }
}
