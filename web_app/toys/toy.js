// One toy: how it looks, plays and sleeps, and whose it is. Whatever is changed here is kept at once.

import { avatar } from "../../web_common/avatar.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";
import { loading } from "../loading.js";
import { presence, silence } from "../presence.js";
import { NowPlaying } from "../songs/now_playing.js";
import { Changes } from "./changes.js";
import { Child } from "./child.js";
import { Guardians } from "./guardians.js";
import { looksChoice } from "./looks.js";
import { ToyPeople } from "./people.js";
import { Playing } from "./playing.js";
import { QuietHours } from "./quiet_hours.js";
import { unbindSection } from "./unbind.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    all: "All toys",
    gone: "This toy is not here (any more).",
    looks: "Name and looks",
    name: "Name of the toy",
    people: "All contacts and groups",
    saved: "Saved",
    saving: "Saving…",
    songs: "Songs and stories",
    stop: "Stop playing",
    stopped: "{name} stops playing.",
    talk: "Talk",
    title: "Toy",
  },
  zh: {
    all: "所有玩具",
    gone: "这里（已经）没有这个玩具。",
    looks: "名字和样子",
    name: "玩具的名字",
    people: "所有联系人和群聊",
    saved: "已保存",
    saving: "正在保存…",
    songs: "儿歌和故事",
    stop: "停止播放",
    stopped: "{name}已停止播放。",
    talk: "说话",
    title: "玩具",
  },
});

export class ToyScreen {
  /** @param {App} app @param {string} id */
  constructor(app, id) {
    const draw = () => app.changed();
    this.#app = app;
    this.#changes = new Changes(app, id);
    this.#child = new Child(app, this.#changes);
    this.#guardians = new Guardians(app);
    this.#people = new ToyPeople(app);
    this.#playing = new Playing(this.#changes, draw);
    this.#quiet = new QuietHours(this.#changes, draw);
  }

  #app;
  #changes;
  #child;
  #guardians;
  #people;
  #playing;
  #quiet;

  title = () => this.#changes.toy?.name ?? t("title");

  open() {
    void this.#app.family.load();
    return this.#people.open();
  }

  close() {
    this.#people.close();
    void this.#changes.send();
  }

  action() {
    const { state } = this.#changes;
    return html`<span class="small quiet toy-state" role="status">${state ? t(state) : nothing}</span>`;
  }

  view() {
    const { toy } = this.#changes;
    if (!toy) return this.#missing();
    return html`<div class="page toy">
      ${this.#face(toy)} ${this.#child.banner(toy)} ${this.#looks(toy)} ${this.#playing.view(toy)} ${this.#quiet.view(toy)}
      ${this.#child.view(toy)} ${this.#guardians.view(toy)} ${this.#people.view(toy)} ${ways()}
      ${this.#guardians.isOwner(toy) ? unbindSection(this.#app, toy) : nothing}
    </div>`;
  }

  #missing() {
    if (!this.#app.family.isLoaded) return loading();
    return html`<div class="empty"><p>${t("gone")}</p><a class="button secondary" href="#/toys">${t("all")}</a></div>`;
  }

  /** @param {Toy} toy */
  #face(toy) {
    const { id, name, picture, colour } = toy;
    return html`<div class="toys-face">
      ${avatar({ id, name, picture, colour, kind: "toy" }, "large")}
      <div class="toys-pills">${presence(toy)}${silence(toy)}</div>
      <div class="toys-deeds">
        <a class="button" href="#/chats/${id}">${icon("chat")} ${t("talk")}</a>
        ${toy.online
          ? html`<button class="button secondary" @click=${() => this.#stop(toy)}>${icon("stop")} ${t("stop")}</button>`
          : nothing}
      </div>
    </div>`;
  }

  /** Whatever it plays, and whoever started it. @param {Toy} toy */
  async #stop({ id, name }) {
    const stopped = await NowPlaying.of(this.#app).stop([id]);
    if (stopped.length) toast(t("stopped", { name }));
  }

  /** @param {Toy} toy */
  #looks(toy) {
    return html`<details class="card toy-looks">
      <summary><h2>${t("looks")}</h2>${icon("pen")}</summary>
      <div class="stack">
        <div class="field">
          <label for="toy-name">${t("name")}</label>
          <input id="toy-name" maxlength="64" autocomplete="off" .value=${toy.name} @change=${this.#rename} />
        </div>
        ${looksChoice(toy, (change) => this.#changes.make(change))}
      </div>
    </details>`;
  }

  /** A toy has a name: an emptied field takes the old one back. @param {Event} event */
  #rename = (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const name = field.value.trim();
    if (name) this.#changes.make({ name });
    else field.value = this.#changes.toy?.name ?? "";
  };
}

/** What else belongs to a toy has its own page. */
function ways() {
  return html`<ul class="card list toy-ways">
    <li><a class="list-row" href="#/people">${icon("group")}<span class="grow">${t("people")}</span></a></li>
    <li><a class="list-row" href="#/songs">${icon("music")}<span class="grow">${t("songs")}</span></a></li>
  </ul>`;
}
