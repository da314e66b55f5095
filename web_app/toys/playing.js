// How a toy plays: how loud, by itself or not, and how much of songs and stories.

import { html, live } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";

/** @typedef {import("./changes.js").Changes} Changes */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    autoplay: "Plays new messages by itself",
    autoplay_off: "A new message waits until the toy is pressed.",
    autoplay_on: "A new message is heard as soon as it comes.",
    hours: "{n} hours a day",
    limit: "Songs and stories",
    limit_hint: "Messages of the family do not count.",
    limit_off: "As many as they like",
    minutes: "{n} minutes a day",
    title: "Playing",
    volume: "Loudest volume",
    volume_hint: "In percent of this toy's own loudest. How loud that is at a child's ear, its maker must measure.",
  },
  zh: {
    autoplay: "自动播放新消息",
    autoplay_off: "新消息会等到按下玩具才播放。",
    autoplay_on: "新消息一到就播放。",
    hours: "每天 {n} 小时",
    limit: "儿歌和故事",
    limit_hint: "家人的消息不计算在内。",
    limit_off: "不限时间",
    minutes: "每天 {n} 分钟",
    title: "播放",
    volume: "最大音量",
    volume_hint: "相对于玩具自身最大音量的百分比。孩子耳边的实际响度须由厂家测量。",
  },
});

/** Minutes a day; 0 for no limit. */
const LIMITS = [0, 15, 30, 45, 60, 90, 120, 180, 240];

export class Playing {
  /** @param {Changes} changes @param {() => void} draw */
  constructor(changes, draw) {
    this.#changes = changes;
    this.#draw = draw;
  }

  #changes;
  #draw;
  /** Where the thumb holds the slider now. @type {number | null} */
  #held = null;

  /** @param {Toy} toy */
  view({ settings }) {
    return html`
      <section class="card" aria-labelledby="toy-playing">
        <h2 id="toy-playing">${t("title")}</h2>
        ${this.#volume(settings.volume_cap)} ${this.#autoplay(settings.autoplay)}
        ${this.#limit(settings.daily_limit_minutes ?? 0)}
      </section>
    `;
  }

  /** @param {number} cap */
  #volume(cap) {
    const shown = this.#held ?? cap;
    return html`<div class="field">
      <div class="row spread">
        <label class="legend" for="toy-volume">${t("volume")}</label><output for="toy-volume">${shown} %</output>
      </div>
      <input id="toy-volume" type="range" min="0" max="100" step="5" .value=${live(String(shown))} aria-valuetext="${shown} %"
        aria-describedby="toy-volume-hint" @input=${this.#hold} @change=${this.#release} />
      <span class="hint" id="toy-volume-hint">${t("volume_hint")}</span>
    </div>`;
  }

  #hold = (/** @type {Event} */ event) => {
    this.#held = /** @type {HTMLInputElement} */ (event.target).valueAsNumber;
    this.#draw();
  };

  #release = (/** @type {Event} */ event) => {
    this.#held = null;
    this.#changes.make({ volume_cap: /** @type {HTMLInputElement} */ (event.target).valueAsNumber });
  };

  /** @param {boolean} isOn */
  #autoplay(isOn) {
    const turn = (/** @type {Event} */ event) =>
      this.#changes.make({ autoplay: /** @type {HTMLInputElement} */ (event.target).checked });
    return html`<div class="field">
      <label class="toy-switch">
        <span class="grow legend">${t("autoplay")}</span>
        <input type="checkbox" role="switch" .checked=${live(isOn)} @change=${turn} aria-describedby="toy-autoplay-hint" />
      </label>
      <span class="hint" id="toy-autoplay-hint">${t(isOn ? "autoplay_on" : "autoplay_off")}</span>
    </div>`;
  }

  /** @param {number} minutes */
  #limit(minutes) {
    const choose = (/** @type {Event} */ event) =>
      this.#changes.make({ daily_limit_minutes: Number(/** @type {HTMLSelectElement} */ (event.target).value) || null });
    const all = [...new Set([...LIMITS, minutes])].sort((a, b) => a - b);
    return html`<div class="field">
      <label for="toy-limit">${t("limit")}</label>
      <select id="toy-limit" @change=${choose} aria-describedby="toy-limit-hint">
        ${all.map((one) => html`<option value=${one} .selected=${one === minutes}>${limitWords(one)}</option>`)}
      </select>
      <span class="hint" id="toy-limit-hint">${t("limit_hint")}</span>
    </div>`;
  }
}

/** @param {number} minutes */
function limitWords(minutes) {
  if (!minutes) return t("limit_off");
  return minutes >= 120 && minutes % 60 === 0 ? t("hours", { n: minutes / 60 }) : t("minutes", { n: minutes });
}
