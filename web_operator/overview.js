// How it goes: the last hour in charts, and how much there is.

import { get } from "../web_common/api.js";
import { html, nothing } from "../web_common/html.js";
import { problemWords } from "../web_common/problems.js";
import { ago } from "../web_common/times.js";
import { locale, texts } from "../web_common/texts.js";
import { chart } from "./chart.js";

/**
 * @typedef {{ at: string, toys_online: number, people_online: number, accepted: number, waiting_voices: number,
 *   waiting_shelf: number, conversion_ms_median: number | null, conversion_ms_p95: number | null }} Sample
 * @typedef {{ version: string, started_at: string, interval_seconds: number, now: Sample, samples: Sample[],
 *   accounts: number, toys: number, licences: { all: number, bound: number, revoked: number } }} Overview
 */

const LOOK_AGAIN = 5_000;
const MOST_SAMPLES = 360;

const t = texts({
  en: {
    accounts: "Accounts",
    bound: "with a family",
    conversion: "Conversion time",
    licences: "Licences",
    median: "median",
    messages: "Messages per minute",
    ms: "ms",
    p95: "95 %",
    people: "people",
    queue: "Waiting for conversion",
    revoked: "revoked",
    since: "Version {version}, started {ago}",
    songs: "songs and stories",
    online: "Online",
    toys: "toys",
    toysAll: "Toys",
    voices: "voices",
  },
  zh: {
    accounts: "账号",
    bound: "已绑定",
    conversion: "转换耗时",
    licences: "授权码",
    median: "中位数",
    messages: "每分钟消息数",
    ms: "毫秒",
    p95: "95 %",
    people: "用户",
    queue: "等待转换",
    revoked: "已吊销",
    since: "版本 {version}，启动于{ago}",
    songs: "儿歌故事",
    online: "在线",
    toys: "玩具",
    toysAll: "玩具",
    voices: "语音",
  },
});

export class OverviewRoom {
  /** @param {() => void} changed @param {() => void} turnedAway the session is over, or the right to be here */
  constructor(changed, turnedAway) {
    this.#changed = changed;
    this.#turnedAway = turnedAway;
  }

  #changed;
  #turnedAway;
  /** @type {Overview | null} */
  #overview = null;
  /** @type {Sample[]} */
  #samples = [];
  #problem = "";
  /** @type {number | undefined} */
  #timer;
  #isOpen = false;

  open() {
    this.#isOpen = true;
    void this.#look();
  }

  close() {
    this.#isOpen = false;
    clearTimeout(this.#timer);
  }

  async #look() {
    if (!document.hidden) await this.#ask();
    if (this.#isOpen) this.#timer = setTimeout(() => this.#look(), LOOK_AGAIN);
  }

  async #ask() {
    try {
      const last = this.#samples.at(-1)?.at;
      const found = /** @type {Overview} */ (await get(`/overview${last ? `?since=${encodeURIComponent(last)}` : ""}`));
      // The server began anew, and with it its samples.
      if (this.#overview && this.#overview.started_at !== found.started_at) this.#samples = [];
      this.#overview = found;
      this.#samples = [...this.#samples, ...found.samples].slice(-MOST_SAMPLES);
      this.#problem = "";
    } catch (error) {
      if ([401, 403].includes(/** @type {any} */ (error).status)) return this.#turnedAway();
      this.#problem = problemWords(error);
    }
    this.#changed();
  }

  view() {
    const found = this.#overview;
    return html`
      ${this.#problem ? html`<p class="problem" role="alert">${this.#problem}</p>` : nothing}
      ${found ? html`${this.#charts(found)}${amounts(found)}` : nothing}
    `;
  }

  /** @param {Overview} found */
  #charts({ now, interval_seconds }) {
    const until = Date.parse(now.at);
    const from = until - MOST_SAMPLES * interval_seconds * 1000;
    const perMinute = 60 / interval_seconds;
    const line = (/** @type {string} */ name, /** @type {(sample: Sample) => number | null} */ value) => ({
      name,
      points: this.#samples.map((sample) => ({ at: Date.parse(sample.at), value: value(sample) })),
    });
    const lately = this.#samples.slice(-Math.ceil(perMinute)).reduce((sum, { accepted }) => sum + accepted, 0);
    const took = [...this.#samples].reverse().find((one) => one.conversion_ms_median !== null);
    return html`<div class="op-charts">
      ${chart({
        title: t("online"),
        now: `${now.toys_online} / ${now.people_online}`,
        unit: `${t("toys")} / ${t("people")}`,
        lines: [line(t("toys"), (one) => one.toys_online), line(t("people"), (one) => one.people_online)],
        from,
        until,
      })}
      ${chart({ title: t("messages"), now: String(Math.round(lately * Math.min(1, perMinute))), lines: [line("", (one) => one.accepted * perMinute)], from, until })}
      ${chart({
        title: t("queue"),
        now: String(now.waiting_voices + now.waiting_shelf),
        lines: [line(t("voices"), (one) => one.waiting_voices), line(t("songs"), (one) => one.waiting_shelf)],
        from,
        until,
      })}
      ${chart({
        title: t("conversion"),
        now: took ? `${took.conversion_ms_median}` : "–",
        unit: t("ms"),
        lines: [line(t("median"), (one) => one.conversion_ms_median), line(t("p95"), (one) => one.conversion_ms_p95)],
        from,
        until,
      })}
    </div>`;
  }
}

/** @param {Overview} found */
function amounts({ accounts, toys, licences, version, started_at }) {
  const words = (/** @type {number} */ value) => new Intl.NumberFormat(locale()).format(value);
  return html`<dl class="op-amounts">
      <div><dt>${t("accounts")}</dt><dd>${words(accounts)}</dd></div>
      <div><dt>${t("toysAll")}</dt><dd>${words(toys)}</dd></div>
      <div>
        <dt>${t("licences")}</dt>
        <dd>${words(licences.all)}</dd>
        <dd class="quiet small">${words(licences.bound)} ${t("bound")} · ${words(licences.revoked)} ${t("revoked")}</dd>
      </div>
    </dl>
    <p class="quiet small">${t("since", { version, ago: ago(started_at) })}</p>`;
}
