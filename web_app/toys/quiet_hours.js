// When a toy sleeps: times of rest, each with its days, by the clock where the child lives.

import { guard, html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { lang, texts } from "../../web_common/texts.js";
import { DAYS, dayWord, quietSentence } from "./quiet_words.js";

/** @typedef {import("./changes.js").Changes} Changes */
/** @typedef {import("../../web_common/types.js").Toy} Toy */
/** @typedef {import("../../web_common/types.js").QuietWindow} QuietWindow */

const t = texts({
  en: {
    add: "Add a time of rest",
    days: "Days on which it begins",
    from: "From",
    hint: "While it sleeps, messages and songs wait until it wakes up.",
    no_day: "Choose at least one day.",
    remove: "Remove this time of rest",
    rest: "Time of rest {n}",
    title: "Quiet hours",
    to: "To",
    zone: "By the clock in",
  },
  zh: {
    add: "添加休息时间",
    days: "从哪几天开始",
    from: "从",
    hint: "休息时，消息和儿歌都会等到它醒来。",
    no_day: "请至少选择一天。",
    remove: "删除这段休息时间",
    rest: "休息时间 {n}",
    title: "安静时段",
    to: "到",
    zone: "按哪里的时间",
  },
});

/** What the server keeps of one toy. */
const MOST = 14;
/** @type {QuietWindow} */
const NIGHT = { days: [...DAYS], start: "19:30", end: "07:00" };
/** @type {QuietWindow} */
const NAP = { days: [...DAYS], start: "12:30", end: "14:00" };

export class QuietHours {
  /** @param {Changes} changes @param {() => void} draw */
  constructor(changes, draw) {
    this.#changes = changes;
    this.#draw = draw;
  }

  #changes;
  #draw;
  /** As they are on the page while one of them is not complete; otherwise the toy's own count. @type {QuietWindow[] | null} */
  #draft = null;

  /** @param {Toy} toy */
  view({ settings }) {
    const windows = this.#draft ?? settings.quiet_hours;
    return html`
      <section class="card" aria-labelledby="toy-quiet">
        <h2 id="toy-quiet">${t("title")}</h2>
        <p class="toy-asleep" role="status">${icon("moon")}<span>${quietSentence(settings.quiet_hours)}</span></p>
        ${windows.map((one, index) => this.#window(one, index, windows))}
        ${windows.length < MOST
          ? html`<button class="button secondary" @click=${() => this.#set([...windows, windows.length ? NAP : NIGHT])}>
              ${icon("add")} ${t("add")}
            </button>`
          : nothing}
        ${windows.length ? this.#zone(settings.time_zone) : nothing}
        <p class="small quiet">${t("hint")}</p>
      </section>
    `;
  }

  /** @param {QuietWindow} window @param {number} index @param {QuietWindow[]} windows */
  #window(window, index, windows) {
    const put = (/** @type {Partial<QuietWindow>} */ change) => this.#set(windows.with(index, { ...window, ...change }));
    return html`
      <div class="toy-rest" role="group" aria-labelledby="toy-rest-${index}">
        <div class="row spread">
          <h3 id="toy-rest-${index}">${t("rest", { n: index + 1 })}</h3>
          <button class="icon-button" aria-label=${t("remove")} @click=${() => this.#set(windows.toSpliced(index, 1))}>
            ${icon("trash")}
          </button>
        </div>
        <div class="toy-days" role="group" aria-label=${t("days")}>
          ${DAYS.map((day) => dayToggle(day, window.days, (days) => put({ days })))}
        </div>
        <div class="toy-times">
          ${time(t("from"), window.start, (start) => put({ start }))}
          ${time(t("to"), window.end, (end) => put({ end }))}
        </div>
        ${window.days.length ? nothing : html`<p class="problem" role="alert">${t("no_day")}</p>`}
      </div>
    `;
  }

  /** @param {string} zone */
  #zone(zone) {
    const choose = (/** @type {Event} */ event) =>
      this.#changes.make({ time_zone: /** @type {HTMLSelectElement} */ (event.target).value });
    return html`<label class="field">
      <span>${t("zone")}</span>
      ${guard([zone, lang()], () => html`<select @change=${choose}>
        ${zones(zone).map((one) => html`<option value=${one} .selected=${one === zone}>${one.replaceAll("_", " ")}</option>`)}
      </select>`)}
    </label>`;
  }

  /** @param {QuietWindow[]} windows */
  #set(windows) {
    const isComplete = windows.every((one) => one.days.length && one.start && one.end);
    this.#draft = isComplete ? null : windows;
    if (isComplete) this.#changes.make({ quiet_hours: windows });
    this.#draw();
  }
}

/** @param {typeof DAYS[number]} day @param {string[]} days @param {(days: string[]) => void} put */
function dayToggle(day, days, put) {
  const has = days.includes(day);
  const turned = () => put(DAYS.filter((one) => (one === day ? !has : days.includes(one))));
  return html`<button class="toy-day" aria-pressed=${has} title=${dayWord(day, "long")} @click=${turned}>
    ${dayWord(day, "short")}
  </button>`;
}

/** A field that is emptied keeps the time it had. @param {string} words @param {string} value @param {(time: string) => void} put */
function time(words, value, put) {
  const take = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (field.value) put(field.value);
  };
  // Only when it is left: while it is typed in, it is empty too.
  const leave = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    field.value ||= value;
  };
  return html`<label class="field"><span class="small">${words}</span>
    <input type="time" .value=${value} required @change=${take} @blur=${leave} />
  </label>`;
}

/** All that the browser knows, and the one that is set. @param {string} zone */
const zones = (zone) => [...new Set([...Intl.supportedValuesOf("timeZone"), zone])].sort();
