// Songs and stories: everybody's shelf and ours, listening to them, and playing them on toys.

import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { loading } from "../loading.js";
import { openItemMenu } from "./item_menu.js";
import { NowPlaying } from "./now_playing.js";
import { itemRow } from "./row.js";
import { Shelf } from "./shelf.js";
import { openUpload } from "./upload.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */

const t = texts({
  en: {
    add: "Add a song or story",
    all: "All",
    categories: "Categories",
    found: "{n} found",
    more: "Show more",
    none: "Nothing here goes by this name.",
    own: "Ours",
    own_empty: "Sing something",
    own_empty_words: "Record a lullaby or read a story aloud, and send the file. Only your family hears it.",
    search: "Search",
    shared: "For everyone",
    shared_empty: "Nothing here yet",
    shared_empty_words: "Whoever runs this server puts songs and stories on this shelf.",
    shelf: "Shelf",
    title: "Songs and stories",
  },
  zh: {
    add: "添加儿歌或故事",
    all: "全部",
    categories: "分类",
    found: "找到 {n} 个",
    more: "显示更多",
    none: "没有找到这个名字。",
    own: "我们的",
    own_empty: "唱首歌吧",
    own_empty_words: "录一首摇篮曲，或者读一个故事，把文件传上来。只有你们家能听到。",
    search: "搜索",
    shared: "公共",
    shared_empty: "这里还没有内容",
    shared_empty_words: "管理这个服务器的人会在这里放儿歌和故事。",
    shelf: "书架",
    title: "儿歌和故事",
  },
});

const KINDS = /** @type {const} */ (["shared", "own"]);
const MOST_SEARCH = 120;

export class SongsScreen {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#shelf = new Shelf(app, "shared");
  }

  #app;
  #shelf;

  title = () => t("title");
  action = () => html`<button class="icon-button" aria-label=${t("add")} aria-haspopup="dialog" @click=${this.#add}>${icon("add")}</button>`;

  async open() {
    this.#app.link.addEventListener("frame:welcome", this.#again);
    await this.#shelf.open();
  }

  close() {
    this.#app.link.removeEventListener("frame:welcome", this.#again);
    this.#shelf.close();
    // Elsewhere there is nothing to stop it with.
    if (this.#app.player.id?.startsWith("i_")) this.#app.player.stop();
  }

  #again = () => void this.#shelf.load();

  /** @param {"shared" | "own"} kind */
  #show(kind) {
    this.#shelf.close();
    this.#shelf = new Shelf(this.#app, kind);
    this.#app.changed();
    return this.#shelf.open();
  }

  #add = () => openUpload(this.#app, this.#shelf.categories, () => (this.#shelf.kind === "own" ? this.#shelf.load() : this.#show("own")));
  #openMenu = (/** @type {Item} */ item) => openItemMenu(this.#app, item, this.#shelf.categories, this.#again);

  view() {
    return html`<div class="songs-screen">
      <div class="page songs">${this.#tabs()} ${this.#search()} ${this.#categories()} ${this.#list()}</div>
      ${NowPlaying.of(this.#app).strip()}
    </div>`;
  }

  #tabs() {
    return html`<fieldset class="songs-tabs">
      <legend class="visually-hidden">${t("shelf")}</legend>
      ${KINDS.map(
        (kind) => html`<label class="songs-tab">
          <input type="radio" class="visually-hidden" name="shelf" value=${kind} .checked=${this.#shelf.kind === kind} @change=${() => this.#show(kind)} />
          ${t(kind)}
        </label>`,
      )}
    </fieldset>`;
  }

  #search() {
    const typed = (/** @type {Event} */ event) => this.#shelf.find(/** @type {HTMLInputElement} */ (event.target).value);
    return html`<label class="songs-search">
      ${icon("search")}<span class="visually-hidden">${t("search")}</span>
      <input type="search" placeholder=${t("search")} maxlength=${MOST_SEARCH} .value=${this.#shelf.search} @input=${typed} />
    </label>`;
  }

  #categories() {
    const all = [...this.#shelf.categories].sort((a, b) => a.localeCompare(b));
    if (!all.length) return nothing;
    return html`<div class="songs-chips" role="group" aria-label=${t("categories")}>
      ${["", ...all].map(
        (one) => html`<button class="songs-chip" aria-pressed=${this.#shelf.category === one} @click=${() => this.#shelf.choose(one)}>
          ${one || t("all")}
        </button>`,
      )}
    </div>`;
  }

  #list() {
    const { items, search, category, hasMore } = this.#shelf;
    if (!items) return loading();
    const isSearched = search.trim() !== "" || category !== "";
    return html`
      <p class="visually-hidden" role="status">${isSearched ? t("found", { n: items.length }) : ""}</p>
      ${items.length
        ? html`<ul class="list card songs-list">
            ${repeat(items, (one) => one.id, (one) => itemRow(this.#app, one, this.#openMenu))}
          </ul>`
        : isSearched
          ? html`<p class="empty quiet">${t("none")}</p>`
          : this.#empty()}
      ${hasMore ? html`<button class="button secondary" @click=${this.#shelf.more}>${t("more")}</button>` : nothing}
    `;
  }

  #empty() {
    const { kind } = this.#shelf;
    return html`<section class="empty card">
      <h2>${t(kind === "own" ? "own_empty" : "shared_empty")}</h2>
      <p>${t(kind === "own" ? "own_empty_words" : "shared_empty_words")}</p>
      ${kind === "own" ? html`<button class="button" @click=${this.#add}>${icon("add")} ${t("add")}</button>` : nothing}
    </section>`;
  }
}
