// Sending a song or a story: choosing it, seeing it go, and seeing it converted.

import { Problem, upload } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { codeWords, problemWords } from "../../web_common/problems.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { aboutFields } from "./about.js";
import { fileSize, titleOf } from "./file_words.js";
import { lookAt } from "./shelf.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */

const LOOK_AGAIN = 1_000;

const t = texts({
  en: {
    again: "Send another one",
    cancel: "Stop sending",
    choose: "Choose a sound file",
    choose_cover: "Choose a cover (if you like)",
    converting: "Being made ready for the toys. You can close this, it goes on by itself.",
    cover_too_large: "This picture is too large: {size}. At most {limit}.",
    done: "Done",
    empty_audio: "This file is empty.",
    ready: "It is ready. “{title}” stands on your shelf.",
    send: "Send",
    sending: "Sending…",
    title: "Add a song or story",
    too_large: "This file is too large: {size}. At most {limit}.",
    too_many: "Your shelf is full. Delete something first.",
    waiting: "Sent. The server looks at it…",
  },
  zh: {
    again: "再传一个",
    cancel: "停止上传",
    choose: "选择音频文件",
    choose_cover: "选择封面（可不选）",
    converting: "正在为玩具做准备。你可以关闭，它会自动继续。",
    cover_too_large: "图片太大：{size}，最多 {limit}。",
    done: "完成",
    empty_audio: "这个文件是空的。",
    ready: "准备好了，“{title}”已放到你的书架上。",
    send: "上传",
    sending: "正在上传…",
    title: "添加儿歌或故事",
    too_large: "文件太大：{size}，最多 {limit}。",
    too_many: "你的书架满了，请先删除一些。",
    waiting: "已上传，服务器正在检查…",
  },
});

/** @param {App} app @param {Iterable<string>} categories @param {() => unknown} sent it stands on the shelf */
export function openUpload(app, categories, sent) {
  new Upload(app, categories, sent).open();
}

class Upload {
  /** @param {App} app @param {Iterable<string>} categories @param {() => unknown} sent */
  constructor(app, categories, sent) {
    this.#app = app;
    this.#categories = categories;
    this.#sent = sent;
  }

  #app;
  #categories;
  #sent;
  /** @type {Sheet | null} */
  #sheet = null;
  /** @type {File | null} */
  #audio = null;
  /** @type {File | null} */
  #cover = null;
  #about = { title: "", category: "" };
  #problem = "";
  /** While it is being sent. @type {AbortController | null} */
  #sending = null;
  #share = 0;
  /** Once it is sent. @type {Item | null} */
  #item = null;

  open() {
    this.#sheet = new Sheet(t("title"), () => (this.#item ? this.#converting(this.#item) : this.#sending ? this.#progress() : this.#form()));
    void this.#sheet.closed.then(() => this.#sending?.abort());
  }

  #draw() {
    if (this.#sheet?.element.open) this.#sheet.draw();
  }

  // ── choosing ──

  #form() {
    return html`<form @submit=${this.#submit} @input=${this.#typed} novalidate>
      ${this.#fileField("audio", "audio/*", this.#audio, t("choose"))}
      ${this.#audio ? aboutFields(this.#about, this.#categories) : nothing}
      ${this.#audio ? this.#fileField("cover", "image/jpeg,image/png,image/webp", this.#cover, t("choose_cover")) : nothing}
      <p class="problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
      <button class="button wide" ?disabled=${!this.#audio}>${icon("up")} ${t("send")}</button>
    </form>`;
  }

  /** @param {"audio" | "cover"} name @param {string} accept @param {File | null} file @param {string} words */
  #fileField(name, accept, file, words) {
    const chosen = file ? `${file.name} · ${fileSize(file.size)}` : words;
    return html`<label class="songs-file ${file ? "chosen" : ""}">
      ${icon(name === "audio" ? "music" : "add")}<span class="grow">${chosen}</span>
      <input class="visually-hidden" type="file" name=${name} accept=${accept} aria-label=${words} @change=${this.#chosen} />
    </label>`;
  }

  #chosen = (/** @type {Event} */ event) => {
    const { name, files } = /** @type {HTMLInputElement} */ (event.target);
    const file = files?.[0];
    if (!file) return; // they thought better of it
    if (name === "cover") this.#cover = file;
    else {
      this.#audio = file;
      this.#about.title = titleOf(file.name);
    }
    this.#problem = this.#tooLarge();
    this.#draw();
  };

  #typed = (/** @type {Event} */ event) => {
    const { name, value } = /** @type {HTMLInputElement} */ (event.target);
    if (name === "title" || name === "category") this.#about[name] = value;
  };

  #tooLarge() {
    const limits = this.#app.config?.limits;
    if (!limits) return "";
    if (this.#audio && this.#audio.size > limits.max_item_bytes) return sizeWords("too_large", this.#audio, limits.max_item_bytes);
    if (this.#cover && this.#cover.size > limits.max_cover_bytes) return sizeWords("cover_too_large", this.#cover, limits.max_cover_bytes);
    return "";
  }

  // ── sending ──

  #submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    this.#problem = this.#tooLarge();
    if (this.#audio && !this.#problem) await this.#send(this.#audio);
    this.#draw();
  };

  /** @param {File} audio */
  async #send(audio) {
    this.#sending = new AbortController();
    this.#share = 0;
    this.#draw();
    try {
      this.#item = await upload("/library", this.#filled(audio), this.#sentSoFar, this.#sending.signal);
      this.#sent();
      void this.#follow();
    } catch (error) {
      if (!this.#sending.signal.aborted) this.#problem = uploadProblem(error);
    }
    this.#sending = null;
  }

  /** @param {File} audio */
  #filled(audio) {
    const form = new FormData();
    form.set("title", this.#about.title.trim() || titleOf(audio.name));
    form.set("category", this.#about.category.trim());
    form.set("audio", audio);
    if (this.#cover) form.set("cover", this.#cover);
    return form;
  }

  #sentSoFar = (/** @type {number} */ share) => {
    this.#share = share;
    this.#draw();
  };

  #progress() {
    return html`<p role="status">${this.#share < 1 ? t("sending") : t("waiting")}</p>
      ${bar(t("sending"), this.#share)}
      <button class="button secondary wide" @click=${() => this.#sending?.abort()}>${t("cancel")}</button>`;
  }

  // ── being converted ──

  /** Look at it until it is ready or failed, or nobody looks any more. */
  async #follow() {
    while (this.#item?.state === "converting" && this.#sheet?.element.open) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      const found = await lookAt(this.#item);
      this.#item = found ?? { ...this.#item, state: "failed", failure: "gone" };
      this.#draw();
    }
    this.#sent();
  }

  /** @param {Item} item */
  #converting(item) {
    const isBusy = item.state === "converting";
    const words = isBusy ? t("converting") : item.state === "ready" ? t("ready", { title: item.title }) : codeWords(item.failure ?? "internal");
    return html`<p role="status" class=${item.state === "failed" ? "problem" : ""}>${words}</p>
      ${isBusy ? bar(t("converting"), item.progress / 100) : nothing}
      <div class="actions">
        <button class="button secondary" @click=${this.#again}>${t("again")}</button>
        <button class="button" @click=${() => this.#sheet?.close()}>${t("done")}</button>
      </div>`;
  }

  #again = () => {
    this.#item = this.#audio = this.#cover = null;
    this.#about = { title: "", category: this.#about.category };
    this.#problem = "";
    this.#draw();
  };
}

/** @param {string} words @param {number} share */
const bar = (words, share) => html`<progress class="songs-bar" aria-label=${words} max="1" .value=${share}></progress>`;

/** @param {"too_large" | "cover_too_large"} key @param {File} file @param {number} limit in bytes */
const sizeWords = (key, file, limit) => t(key, { size: fileSize(file.size), limit: fileSize(limit) });

/** @param {unknown} error */
function uploadProblem(error) {
  const code = error instanceof Problem ? error.code : "";
  return code === "empty_audio" || code === "too_many" ? t(code) : problemWords(error);
}
