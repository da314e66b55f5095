// The shared shelf: songs and stories for every family.

import { get, here, patch, remove, upload } from "../web_common/api.js";
import { html, nothing, repeat } from "../web_common/html.js";
import { icon } from "../web_common/icons.js";
import { codeWords, problemWords } from "../web_common/problems.js";
import { confirm } from "../web_common/sheet.js";
import { length } from "../web_common/times.js";
import { toastProblem } from "../web_common/toast.js";
import { texts } from "../web_common/texts.js";

/** @typedef {import("../web_common/types.js").Item} Item */
/** @typedef {{ name: string, share: number, problem: string }} Sending */

const PAGE = 100;
const LOOK_AGAIN = 1_500;

const t = texts({
  en: {
    add: "Add to the shelf",
    category: "Category",
    converting: "converting, {n} %",
    failed: "not usable: {why}",
    files: "Audio files; their names become the titles",
    find: "Find a title",
    listen: "Listen to {title}",
    more: "More",
    none: "The shelf is empty. What you add here, every family can play on its toys.",
    remove: "Remove",
    removeBody: "It goes for every family, sound and cover included.",
    removeTitle: "Remove {title}?",
    rename: "Save the title",
    sending: "sending, {n} %",
    title: "Title of {title}",
  },
  zh: {
    add: "添加到共享书架",
    category: "分类",
    converting: "转换中，{n} %",
    failed: "无法使用：{why}",
    files: "音频文件，文件名会成为标题",
    find: "查找标题",
    listen: "试听 {title}",
    more: "更多",
    none: "书架还是空的。这里添加的内容，每个家庭都可以在玩具上播放。",
    remove: "移除",
    removeBody: "所有家庭都将无法再播放，声音和封面一并删除。",
    removeTitle: "移除 {title}？",
    rename: "保存标题",
    sending: "上传中，{n} %",
    title: "{title} 的标题",
  },
});

export class ShelfRoom {
  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
    this.#audio.addEventListener("ended", () => this.#listen(null));
  }

  #changed;
  #audio = new Audio();
  /** @type {Item | null} */
  #heard = null;
  /** @type {Item[]} */
  #items = [];
  /** @type {Sending[]} */
  #sending = [];
  #search = "";
  #hasMore = false;
  /** Of the latest question; an answer to an older one comes too late. */
  #turn = 0;
  #isOpen = false;
  /** @type {number | undefined} */
  #timer;

  open() {
    this.#isOpen = true;
    void this.#load();
  }

  close() {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#audio.pause();
  }

  view() {
    return html`
      <form class="card" @submit=${this.#add}>
        <div class="op-two">
          <label class="field"><span>${t("files")}</span><input name="files" type="file" accept="audio/*" multiple required /></label>
          <label class="field"><span>${t("category")}</span><input name="category" maxlength="40" /></label>
        </div>
        <div class="row"><button class="button" ?disabled=${this.#sending.some((one) => !one.problem)}>${t("add")}</button></div>
        ${this.#sending.map(sendingRow)}
      </form>
      <section class="card">
        <form class="row" role="search" @submit=${this.#find}>
          <label class="field grow"><span>${t("find")}</span><input name="wanted" type="search" maxlength="120" /></label>
        </form>
        ${this.#items.length
          ? html`<ul class="list">
              ${repeat(this.#items, (one) => one.id, (one) => this.#row(one))}
            </ul>`
          : html`<p class="quiet">${t("none")}</p>`}
        ${this.#hasMore ? html`<button class="button secondary" @click=${() => this.#more()}>${t("more")}</button>` : nothing}
      </section>
    `;
  }

  /** @param {Item} item */
  #row(item) {
    const isHeard = this.#heard?.id === item.id;
    return html`<li>
      <form class="list-row op-item" @submit=${(/** @type {SubmitEvent} */ event) => this.#rename(event, item)}>
        <button
          type="button"
          class="icon-button"
          ?disabled=${!item.url}
          aria-label=${t("listen", { title: item.title })}
          aria-pressed=${isHeard}
          @click=${() => this.#listen(isHeard ? null : item)}
        >
          ${icon(isHeard ? "stop" : "play")}
        </button>
        <input name="title" .value=${item.title} aria-label=${t("title", { title: item.title })} maxlength="120" required />
        <button class="icon-button" aria-label=${t("rename")}>${icon("check")}</button>
        <span class="pill">${state(item)}</span>
        ${item.category ? html`<span class="pill">${item.category}</span>` : nothing}
        <button type="button" class="icon-button" aria-label=${`${t("remove")}: ${item.title}`} @click=${() => this.#remove(item)}>
          ${icon("trash")}
        </button>
      </form>
    </li>`;
  }

  #find = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    this.#search = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("wanted"));
    await this.#load();
  };

  #load() {
    return this.#read([]);
  }

  /** The page after what is shown. */
  #more() {
    return this.#read(this.#items);
  }

  /** @param {Item[]} before what stays above the page */
  async #read(before) {
    const turn = ++this.#turn;
    try {
      const found = await this.#page(before.at(-1)?.id);
      if (turn !== this.#turn) return; // something else was asked for meanwhile
      this.#items = [...before, ...found];
      this.#hasMore = found.length === PAGE;
      this.#watch();
    } catch (error) {
      toastProblem(error);
    }
    this.#changed();
  }

  /** @param {string} [after] @returns {Promise<Item[]>} */
  async #page(after) {
    const asked = new URLSearchParams({ shelf: "shared", search: this.#search, limit: `${PAGE}`, ...(after ? { after } : {}) });
    return (await get(`/library?${asked}`)).items;
  }

  /** While something is being converted, look how far it is. */
  #watch() {
    clearTimeout(this.#timer);
    if (!this.#isOpen || !this.#items.some((one) => one.state === "converting")) return;
    this.#timer = setTimeout(async () => {
      await Promise.all(this.#items.filter((one) => one.state === "converting").map((one) => this.#look(one)));
      this.#changed();
      this.#watch();
    }, LOOK_AGAIN);
  }

  /** @param {Item} item */
  async #look(item) {
    const found = await get(`/library/${item.id}`).catch(() => item);
    this.#items = this.#items.map((one) => (one.id === item.id ? found : one));
  }

  #add = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const given = new FormData(form);
    const category = String(given.get("category"));
    for (const file of given.getAll("files")) await this.#send(/** @type {File} */ (file), category);
    form.reset();
    this.#sending = this.#sending.filter((one) => one.problem);
    await this.#load();
  };

  /** @param {File} file @param {string} category */
  async #send(file, category) {
    const sending = { name: file.name, share: 0, problem: "" };
    this.#sending = [...this.#sending.filter((one) => one.name !== file.name), sending];
    const form = new FormData();
    form.append("title", file.name.replace(/\.[^.]+$/, "").replaceAll("_", " ").slice(0, 120));
    form.append("category", category);
    form.append("shelf", "shared");
    form.append("audio", file);
    try {
      await upload("/library", form, (share) => {
        sending.share = share;
        this.#changed();
      });
      this.#sending = this.#sending.filter((one) => one !== sending);
    } catch (error) {
      sending.problem = problemWords(error);
    }
    this.#changed();
  }

  /** @param {SubmitEvent} event @param {Item} item */
  async #rename(event, item) {
    event.preventDefault();
    const title = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("title"));
    try {
      const changed = await patch(`/library/${item.id}`, { title });
      this.#items = this.#items.map((one) => (one.id === item.id ? changed : one));
    } catch (error) {
      toastProblem(error);
    }
    this.#changed();
  }

  /** @param {Item} item */
  async #remove(item) {
    const { title } = item;
    if (!(await confirm({ title: t("removeTitle", { title }), body: t("removeBody"), yes: t("remove"), isDangerous: true }))) return;
    try {
      await remove(`/library/${item.id}`);
      this.#items = this.#items.filter((one) => one.id !== item.id);
    } catch (error) {
      toastProblem(error);
    }
    this.#changed();
  }

  /** @param {Item | null} item */
  #listen(item) {
    this.#heard = item;
    this.#audio.pause();
    if (item?.url) {
      this.#audio.src = here(item.url);
      void this.#audio.play();
    }
    this.#changed();
  }
}

/** @param {Sending} sending */
const sendingRow = ({ name, share, problem }) => html`<div class="field" role="status">
  <span class="one-line">${name}</span>
  ${problem
    ? html`<span class="problem">${problem}</span>`
    : html`<progress class="op-progress" max="1" value=${share} aria-label=${t("sending", { n: Math.round(share * 100) })}></progress>`}
</div>`;

/** @param {Item} item */
function state({ state, progress, failure, duration_ms }) {
  if (state === "converting") return t("converting", { n: progress });
  if (state === "failed") return t("failed", { why: codeWords(failure ?? "bad_audio") });
  return length(duration_ms ?? 0);
}
