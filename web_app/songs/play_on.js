// "Play on…": which toys shall play this, and what became of it on each.

import { post } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { problemWords } from "../../web_common/problems.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { clockTime } from "../../web_common/times.js";
import { asleepWords, isAwake, presence, silence } from "../presence.js";
import { NowPlaying } from "./now_playing.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */
/** @typedef {import("../../web_common/types.js").Toy} Toy */
/** @typedef {{ toy_id: string, result: "playing" | "offline" | "quiet_hours" | "paused" | "daily_limit" | "not_found" | "stopped", until?: string }} Result */

const t = texts({
  en: {
    add_toy: "Add a toy",
    daily_limit: "Enough for today. Again from {when}.",
    no_toys: "You have no toy yet on which it could play.",
    not_found: "This toy is not yours any more.",
    offline: "Offline. It will not start later by itself.",
    paused: "Paused, until a guardian agrees again to what is kept about the child.",
    play: "Play",
    playing: "It plays",
    stop: "Stop",
    stop_all: "Stop all",
    stop_one: "Stop {toy}",
    stopped: "Stopped",
    which: "Play on",
  },
  zh: {
    add_toy: "添加玩具",
    daily_limit: "今天听够了，{when} 后可以再播放。",
    no_toys: "你还没有可以播放的玩具。",
    not_found: "这个玩具已经不属于你了。",
    offline: "不在线。上线后也不会自动播放。",
    paused: "已暂停，需要监护人重新同意保存孩子的信息。",
    play: "播放",
    playing: "正在播放",
    stop: "停止",
    stop_all: "全部停止",
    stop_one: "停止{toy}",
    stopped: "已停止",
    which: "播放到",
  },
});

/** @param {App} app @param {Item} item */
export function openPlayOn(app, item) {
  const playOn = new PlayOn(app, item);
  playOn.open();
}

class PlayOn {
  /** @param {App} app @param {Item} item */
  constructor(app, item) {
    this.#app = app;
    this.#item = item;
    this.#playing = NowPlaying.of(app);
    this.#ticked = this.#awake();
  }

  #app;
  #item;
  #playing;
  #ticked;
  #isBusy = false;
  /** Somebody chose for themselves. */
  #isChosen = false;
  #problem = "";
  /** Null until somebody pressed play, or stop. @type {Result[] | null} */
  #results = null;
  /** @type {Sheet | null} */
  #sheet = null;

  open() {
    this.#sheet = new Sheet(this.#item.title, () => this.#view());
    void this.#lookAgain();
  }

  /** Whoever wants to play something wants to know which toys are there now, not half a minute ago. */
  async #lookAgain() {
    await this.#app.family.load();
    if (!this.#isChosen) this.#ticked = this.#awake();
    this.#sheet?.draw();
  }

  #awake() {
    return new Set(this.#app.family.toys.filter(isAwake).map((toy) => toy.id));
  }

  #view() {
    if (!this.#app.family.toys.length) return this.#noToys();
    return html`${this.#results ? nothing : this.#choice()}
      <div class="stack" role="status" ?hidden=${!this.#results}>${this.#results ? this.#resultsView(this.#results) : nothing}</div>`;
  }

  #noToys() {
    return html`<p class="quiet">${t("no_toys")}</p>
      <a class="button wide" href="#/toys/add" @click=${() => this.#sheet?.close()}>${t("add_toy")}</a>`;
  }

  #choice() {
    return html`<fieldset class="songs-toys">
        <legend class="legend">${t("which")}</legend>
        <ul class="list">
          ${repeat(this.#app.family.toys, (toy) => toy.id, (toy) => this.#toyChoice(toy))}
        </ul>
      </fieldset>
      <p class="problem" role="alert" ?hidden=${!this.#problem}>${this.#problem}</p>
      <div class="songs-deeds">
        <button class="button secondary" ?disabled=${!this.#toStop.length || this.#isBusy} @click=${this.#stopTicked}>
          ${icon("stop")} ${t("stop")}
        </button>
        <button class="button" ?disabled=${!this.#ticked.size || this.#isBusy} @click=${this.#play}>${icon("play")} ${t("play")}</button>
      </div>`;
  }

  /** @param {Toy} toy */
  #toyChoice(toy) {
    return html`<li>
      <label class="list-row">
        ${avatar({ ...toy, kind: "toy" })}
        <span class="grow">
          <span class="songs-line one-line">${toy.name}</span>
          <span class="songs-state">${presence(toy)} ${silence(toy)}</span>
        </span>
        <input type="checkbox" .checked=${this.#ticked.has(toy.id)} @change=${() => this.#tick(toy.id)} />
      </label>
    </li>`;
  }

  /** @param {string} toyId */
  #tick(toyId) {
    this.#isChosen = true;
    if (!this.#ticked.delete(toyId)) this.#ticked.add(toyId);
    this.#sheet?.draw();
  }

  #play = async () => {
    this.#begin();
    try {
      const { results } = await post("/playback", { toy_ids: [...this.#ticked], item_id: this.#item.id });
      this.#results = results;
      results.forEach(this.#note);
    } catch (error) {
      this.#problem = problemWords(error);
    }
    this.#end();
  };

  /** Those that can be told to stop. */
  get #toStop() {
    return [...this.#ticked].filter((id) => this.#app.family.toy(id)?.online);
  }

  /** What plays there may be another song, which somebody else started. */
  #stopTicked = async () => {
    this.#begin();
    const told = await this.#playing.stop(this.#toStop);
    if (told.length) this.#results = told.map((toy_id) => ({ toy_id, result: "stopped" }));
    this.#end();
  };

  #begin() {
    this.#isBusy = this.#isChosen = true;
    this.#problem = "";
    this.#sheet?.draw();
  }

  #end() {
    this.#isBusy = false;
    this.#sheet?.draw();
    // The button that was pressed is gone.
    if (this.#results) this.#sheet?.element.querySelector("button")?.focus();
  }

  #note = (/** @type {Result} */ { toy_id, result }) => {
    const toy = this.#app.family.toy(toy_id);
    if (toy && result === "playing") this.#playing.started(toy, this.#item);
    // Where it may not play now, the server has ended what was started before. Of a toy that is away nobody knows.
    else if (result !== "offline") this.#playing.over(toy_id);
  };

  /** @param {Result[]} results */
  #resultsView(results) {
    const playing = results.filter((one) => this.#isPlaying(one)).map((one) => one.toy_id);
    return html`<ul class="list">
        ${results.map((one) => this.#resultRow(one))}
      </ul>
      ${playing.length > 1
        ? html`<button class="button wide" @click=${() => this.#stop(playing)}>${icon("stop")} ${t("stop_all")}</button>`
        : nothing}`;
  }

  /** @param {Result} one */
  #resultRow(one) {
    const toy = this.#app.family.toy(one.toy_id);
    const name = toy?.name ?? "";
    return html`<li class="list-row" data-result=${one.result}>
      ${toy ? avatar({ ...toy, kind: "toy" }) : nothing}
      <span class="grow">
        <span class="songs-line one-line">${name}</span>
        <span class="songs-line small ${one.result === "playing" ? "songs-good" : "quiet"}">${this.#words(one)}</span>
      </span>
      ${this.#isPlaying(one)
        ? html`<button class="button secondary" aria-label=${t("stop_one", { toy: name })} @click=${() => this.#stop([one.toy_id])}>
            ${icon("stop")} ${t("stop")}
          </button>`
        : nothing}
    </li>`;
  }

  /** @param {Result} one */
  #words(one) {
    if (one.result === "playing") return this.#isPlaying(one) ? html`${icon("check")} ${t("playing")}` : t("stopped");
    const until = one.until ?? "";
    if (one.result === "quiet_hours") return asleepWords(until);
    return t(one.result, { when: until && clockTime(until) });
  }

  /** @param {Result} one */
  #isPlaying = (one) => one.result === "playing" && this.#playing.isOn(one.toy_id);

  /** @param {string[]} toyIds */
  async #stop(toyIds) {
    await this.#playing.stop(toyIds);
    this.#sheet?.draw();
  }
}
