// How loud and how long a recording is, while it grows. It moves twenty times a second, so it is drawn past the templates.

import { html, ref } from "../../web_common/html.js";
import { length } from "../../web_common/times.js";

/** @typedef {import("../../web_common/talk.js").Talk} Talk */

const BARS = 24;
/** A bar for every second tick: ten a second. */
const TICKS_PER_BAR = 2;

export class Meter {
  /** @param {Talk} talk */
  constructor(talk) {
    this.#talk = talk;
    talk.addEventListener("tick", () => this.#tick());
    talk.addEventListener("moved", () => this.#paint());
    talk.addEventListener("change", () => talk.state.startsWith("asking") && this.#levels.fill(0));
  }

  #talk;
  #levels = new Array(BARS).fill(0);
  #ticks = 0;
  /** What the whole composer shows of it, by custom properties. @type {HTMLElement | null} */
  #place = null;
  /** @type {HTMLElement | null} */
  #time = null;
  /** @type {HTMLElement | null} */
  #bars = null;

  /** For `ref`: `--level` is 0…1, `--slid` and `--lifted` are how far the finger went to the left and up, in pixels. */
  attach = (/** @type {Element | undefined} */ element) => {
    this.#place = /** @type {HTMLElement | null} */ (element ?? null);
  };

  view() {
    return html`<span class="composer-time" role="timer" ${ref(this.#timeIs)}></span>
      <span class="composer-bars" aria-hidden="true" ${ref(this.#barsAre)}>${this.#levels.map(() => html`<i></i>`)}</span>`;
  }

  #timeIs = (/** @type {Element | undefined} */ element) => {
    this.#time = /** @type {HTMLElement | null} */ (element ?? null);
    this.#paint();
  };

  #barsAre = (/** @type {Element | undefined} */ element) => {
    this.#bars = /** @type {HTMLElement | null} */ (element ?? null);
    queueMicrotask(() => this.#paint());
  };

  #tick() {
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_BAR === 0) this.#levels = [...this.#levels.slice(1), this.#talk.level];
    this.#paint();
  }

  #paint() {
    const { ms, level, moved } = this.#talk;
    if (this.#time) this.#time.textContent = length(Math.floor(ms / 1000) * 1000);
    [...(this.#bars?.children ?? [])].forEach((bar, i) => {
      /** @type {HTMLElement} */ (bar).style.setProperty("--bar", String(this.#levels[i]));
    });
    this.#place?.style.setProperty("--level", level.toFixed(2));
    this.#place?.style.setProperty("--slid", String(Math.max(0, -moved.x)));
    this.#place?.style.setProperty("--lifted", String(Math.max(0, -moved.y)));
  }
}
