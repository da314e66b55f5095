// What this page has started on toys, and how to stop it. It knows no more than that: what somebody else started or
// stopped it does not show.

import { post } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { Sheet } from "../../web_common/sheet.js";
import { listed, texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */
/** @typedef {import("../../web_common/types.js").Toy} Toy */
/** @typedef {{ toy: Toy, item: Item, timer: number | undefined }} Started */

const t = texts({
  en: {
    on: "Started on {toys}",
    several: "Several songs",
    stop: "Stop",
    stop_all: "Stop all",
    stop_one: "Stop {toy}",
    title: "Started from here",
    unheard: "{toy} is offline, and cannot be told to stop.",
  },
  zh: {
    on: "正在{toys}上播放",
    several: "多首",
    stop: "停止",
    stop_all: "全部停止",
    stop_one: "停止{toy}",
    title: "从这里开始播放的",
    unheard: "{toy}不在线，无法让它停止。",
  },
});

/** One for each family that is logged in here. @type {WeakMap<object, NowPlaying>} */
const known = new WeakMap();

export class NowPlaying {
  /** @param {App} app */
  static of(app) {
    const found = known.get(app.family) ?? new NowPlaying(app);
    known.set(app.family, found);
    return found;
  }

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;
  /** By toy. @type {Map<string, Started>} */
  #started = new Map();

  /** @param {string} toyId */
  isOn = (toyId) => this.#started.has(toyId);

  /** @param {Toy} toy @param {Item} item */
  started(toy, item) {
    this.over(toy.id);
    // By then it has surely ended by itself.
    const timer = item.duration_ms === null ? undefined : setTimeout(() => this.over(toy.id), item.duration_ms);
    this.#started.set(toy.id, { toy, item, timer });
    this.#app.changed();
  }

  /** Nothing sounds there any more. @param {string} toyId */
  over(toyId) {
    clearTimeout(this.#started.get(toyId)?.timer);
    if (this.#started.delete(toyId)) this.#app.changed();
  }

  /** Whoever started it, also before this page was opened. Those that were told. @param {string[]} toyIds */
  async stop(toyIds) {
    /** @type {string[]} */
    const told = [];
    await this.#app.attempt(async () => {
      const { results } = await post("/playback/stop", { toy_ids: toyIds });
      for (const { toy_id, result } of results) {
        if (result === "offline") toast(t("unheard", { toy: this.#app.family.toy(toy_id)?.name ?? "" }), "error");
        else this.over(toy_id);
        if (result === "stopped") told.push(toy_id);
      }
    });
    return told;
  }

  stopAll = () => this.stop([...this.#started.keys()]);

  /** At the bottom of the songs. */
  strip() {
    const started = [...this.#started.values()];
    const first = started[0];
    const isOne = started.every((one) => one.item.id === first?.item.id);
    return html`<div class="songs-playing" role="status" ?hidden=${!first}>
      ${first
        ? html`<button class="songs-playing-what" @click=${this.#open} aria-haspopup="dialog">
              <span class="songs-sounds" aria-hidden="true"><i></i><i></i><i></i></span>
              <span class="grow">
                <span class="songs-line one-line">${isOne ? first.item.title : t("several")}</span>
                <span class="songs-line one-line small quiet">${t("on", { toys: listed(started.map(({ toy }) => toy.name)) })}</span>
              </span>
            </button>
            <button class="button" @click=${this.stopAll}>${icon("stop")} ${started.length > 1 ? t("stop_all") : t("stop")}</button>`
        : nothing}
    </div>`;
  }

  /** Each toy by itself. */
  #open = () => {
    const stop = async (/** @type {string[]} */ ids, /** @type {Sheet} */ sheet) => {
      await this.stop(ids);
      if (this.#started.size) sheet.draw();
      else sheet.close();
    };
    new Sheet(
      t("title"),
      (sheet) => html`
        <ul class="list">
          ${[...this.#started.values()].map(({ toy, item }) => startedRow(toy, item, () => stop([toy.id], sheet)))}
        </ul>
        <div class="actions">
          <button class="button" @click=${() => stop([...this.#started.keys()], sheet)}>${icon("stop")} ${t("stop_all")}</button>
        </div>
      `,
    );
  };
}

/** @param {Toy} toy @param {Item} item @param {() => void} stop */
const startedRow = (toy, item, stop) => html`<li class="list-row">
  ${avatar({ ...toy, kind: "toy" })}
  <span class="grow">
    <span class="songs-line one-line">${toy.name}</span>
    <span class="songs-line one-line small quiet">${item.title}</span>
  </span>
  <button class="button secondary" aria-label=${t("stop_one", { toy: toy.name })} @click=${stop}>${icon("stop")} ${t("stop")}</button>
</li>`;
