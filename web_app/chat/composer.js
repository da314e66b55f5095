// The foot of a chat: write, or hold the button and talk. What it makes goes to the outbox, which keeps and sends it.

import { html, live, nothing, ref } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { Talk } from "../../web_common/talk.js";
import { talkWords } from "../../web_common/talk_words.js";
import { texts } from "../../web_common/texts.js";
import { clockTime } from "../../web_common/times.js";
import { asleepWords, restsUntil } from "../presence.js";
import { Meter } from "./meter.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Conversation} Conversation */
/** @typedef {import("../../web_common/talk.js").Said} Said */
/** @typedef {import("../../web_common/recorder.js").Recording} Recording */

const t = texts({
  en: {
    asleep: "{asleep}. Your message waits.",
    bin: "Throw away",
    composer: "Write or talk",
    left: "{n} left",
    lock: "Slide up to record hands-free",
    message: "Message",
    now: "Wake it up: play now",
    send: "Send",
    slide: "Slide left to cancel",
    talk: "Hold to talk",
    talkHow: "Hold to talk and let go to send. With a keyboard: hold Space, or press Enter to record hands-free; Escape cancels.",
    waiting: "Saved. It goes out as soon as there is a connection.",
    waking: "Plays now, although it is asleep until {time}.",
  },
  zh: {
    asleep: "{asleep}，消息会等它醒来。",
    bin: "丢弃",
    composer: "写字或说话",
    left: "还可输入 {n} 字",
    lock: "上滑锁定录音",
    message: "消息",
    now: "叫醒它，马上播放",
    send: "发送",
    slide: "左滑取消",
    talk: "按住说话",
    talkHow: "按住说话，松开发送。用键盘：按住空格键说话，或按回车键锁定录音；Esc 取消。",
    waiting: "已保存，连上网络后马上发送。",
    waking: "它要休息到 {time}，但这条会马上播放。",
  },
});

const NOTE_MS = 5_000;
/** The counter is shown when so few characters are left. */
const FEW_LEFT = 100;
/** Until the server has said how much it takes. */
const LIMITS = { max_audio_seconds: 120, max_text: 2000 };
/** What everybody sees already; only those who listen are told. @type {ReadonlySet<Said>} */
const SEEN = new Set(/** @type {const} */ (["started", "armed", "locked", "sent"]));
/** What stays until the next press. @type {ReadonlySet<Said>} */
const STAYS = new Set(/** @type {const} */ (["hidden", "interrupted"]));

export class Composer {
  /** @param {App} app @param {Conversation} conversation */
  constructor(app, conversation) {
    this.#app = app;
    this.#conversation = conversation;
    this.#talk = new Talk(() => this.#limits.max_audio_seconds);
    this.#meter = new Meter(this.#talk);
    this.#talk.addEventListener("change", () => this.#talked());
    this.#talk.addEventListener("said", (event) => this.#said(/** @type {CustomEvent} */ (event).detail));
    this.#talk.addEventListener("recorded", (event) => this.#recorded(/** @type {CustomEvent} */ (event).detail));
  }

  #app;
  #conversation;
  #talk;
  #meter;
  #text = "";
  /** @type {HTMLTextAreaElement | null} */
  #area = null;
  /** A toy that is asleep is to play it at once. */
  #isUrgent = false;
  /** What is said under it all. @type {{ words: string, isSeen: boolean, isTrouble: boolean }} */
  #note = { words: "", isSeen: false, isTrouble: false };
  #noteTimer = 0;
  /** The button went away from under the focus; it gets it back. */
  #givesFocusBack = false;

  open() {
    this.#talk.open();
  }

  /** What is being recorded is discarded. */
  close() {
    clearTimeout(this.#noteTimer);
    this.#talk.close();
  }

  view() {
    const { state } = this.#talk;
    const isRecording = state !== "idle";
    return html`<section class="composer composer-${state}" aria-label=${t("composer")} ${ref(this.#meter.attach)}>
      ${this.#asleep()}
      <p class="composer-note ${this.#note.isTrouble ? "problem" : ""} ${this.#note.isSeen ? "" : "visually-hidden"}" role="status">
        ${this.#note.words}
      </p>
      <div class="composer-row">
        ${state === "locked" || state === "kept" || state === "askingFree" ? this.#bin() : nothing}
        <div class="composer-middle">${this.#field(isRecording)} ${isRecording ? this.#strip() : nothing}</div>
        ${this.#button()}
      </div>
    </section>`;
  }

  // ── what is seen ──

  /** Of our own toys we know when they sleep, and may wake them. */
  #asleep() {
    const until = this.#sleepsUntil;
    if (!until) return nothing;
    return html`<div class="composer-asleep">
      ${icon("moon")}
      <p class="grow">${t(this.#isUrgent ? "waking" : "asleep", { asleep: asleepWords(until), time: clockTime(until) })}</p>
      <label class="composer-now">
        <input type="checkbox" role="switch" .checked=${live(this.#isUrgent)} @change=${this.#wake} />
        <span>${t("now")}</span>
      </label>
    </div>`;
  }

  /** It stays below the strip: without it, the keyboard of a phone would go, and the button would move under the thumb.
   * @param {boolean} isRecording */
  #field(isRecording) {
    const left = this.#limits.max_text - this.#text.length;
    return html`${left <= FEW_LEFT ? html`<p class="composer-left">${t("left", { n: left })}</p>` : nothing}
      <textarea
        class="composer-field" rows="1"
        maxlength=${this.#limits.max_text}
        aria-label=${t("message")} placeholder=${t("message")}
        enterkeyhint=${sendsOnEnter() ? "send" : "enter"}
        tabindex=${isRecording ? -1 : 0}
        .value=${live(this.#text)}
        ${ref(this.#areaIs)}
        @beforeinput=${(/** @type {Event} */ event) => isRecording && event.preventDefault()}
        @input=${this.#typed}
        @keydown=${this.#keyed}
      ></textarea>`;
  }

  #strip() {
    const { state } = this.#talk;
    if (state === "leaving") return html`<p class="composer-strip composer-away">${icon("trash")} ${talkWords("armed")}</p>`;
    const isHeld = state === "asking" || state === "holding";
    return html`<div class="composer-strip">
      <span class="composer-dot"></span>
      ${this.#meter.view()}
      ${isHeld ? html`<span class="composer-slide">${icon("back")}<span>${t("slide")}</span></span>` : nothing}
    </div>`;
  }

  #bin() {
    return html`<button class="icon-button composer-bin" type="button" aria-label=${t("bin")} @click=${this.#talk.cancel}>
      ${icon("trash")}
    </button>`;
  }

  #button() {
    const { state } = this.#talk;
    if (state === "locked" || state === "kept" || state === "askingFree") return this.#sendRecording(state === "askingFree");
    return state === "idle" && this.#text.trim() ? this.#sendText() : this.#mic();
  }

  #mic() {
    const { state } = this.#talk;
    return html`<div class="composer-hold">
      ${state === "asking" || state === "holding"
        ? html`<span class="composer-lock" title=${t("lock")}>${icon("lock")}${icon("up")}</span>`
        : nothing}
      <button class="composer-round composer-mic" type="button" aria-label=${t("talk")} aria-description=${t("talkHow")}
        ${ref(this.#talk.attach)} ${ref(this.#micIs)}>
        ${icon("mic")}
      </button>
    </div>`;
  }

  /** Not really disabled before there is something to send: it could not take the focus. @param {boolean} isTooEarly */
  #sendRecording(isTooEarly) {
    return html`<button class="composer-round" type="button" aria-label=${t("send")} aria-disabled=${isTooEarly}
      @click=${this.#talk.send} @keydown=${onlyFresh} ${ref(takeFocus)}>
      ${icon("send")}
    </button>`;
  }

  #sendText() {
    // The field keeps the focus, and a phone its keyboard.
    return html`<button class="composer-round" type="button" aria-label=${t("send")}
      @mousedown=${(/** @type {Event} */ event) => event.preventDefault()} @click=${() => this.#write()}>
      ${icon("send")}
    </button>`;
  }

  // ── what happens ──

  #typed = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLTextAreaElement} */ (event.target);
    this.#text = field.value;
    fit(field);
    this.#app.changed();
  };

  #keyed = (/** @type {KeyboardEvent} */ event) => {
    // While an input method composes, Enter chooses a word. Safari says so only by the old key code.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229 || !sendsOnEnter()) return;
    event.preventDefault();
    this.#write();
  };

  #wake = (/** @type {Event} */ event) => {
    this.#isUrgent = /** @type {HTMLInputElement} */ (event.target).checked;
    this.#app.changed();
  };

  #write() {
    const msg = this.#text.trim();
    if (!msg) return;
    this.#text = "";
    this.#put({ msg });
    this.#said("sent");
    if (this.#area) fit(this.#area, true);
  }

  /** @param {Recording} recording */
  #recorded({ blob, durationMs, waveform }) {
    this.#put({ audio: blob, duration_ms: durationMs, waveform });
  }

  /** @param {import("../../web_common/pending.js").Message} what */
  #put(what) {
    const { id, kind } = this.#conversation;
    const to = kind === "person" || kind === "toy" ? { to_user: id } : { to_group: id };
    const now = this.#isUrgent && this.#sleepsUntil !== null;
    void this.#app.attempt(() => this.#app.outbox.put({ ...to, ...what, ...(now && { now }) }));
  }

  /** @param {Said} said */
  #said(said) {
    const waits = said === "sent" && this.#app.link.state !== "open";
    const isSeen = waits || !SEEN.has(said);
    this.#note = { words: waits ? t("waiting") : talkWords(said), isSeen, isTrouble: said.startsWith("mic_") };
    clearTimeout(this.#noteTimer);
    if (!STAYS.has(said) && !this.#note.isTrouble) this.#noteTimer = setTimeout(() => this.#hush(), NOTE_MS);
    this.#app.changed();
  }

  #hush() {
    this.#note = { words: "", isSeen: false, isTrouble: false };
    this.#app.changed();
  }

  #talked() {
    const { state } = this.#talk;
    if (state === "asking" || state === "askingFree") this.#hush();
    if (state === "locked" || state === "kept") this.#givesFocusBack = true;
    this.#app.changed();
  }

  #micIs = (/** @type {Element | undefined} */ element) => {
    if (!element || !this.#givesFocusBack) return;
    this.#givesFocusBack = false;
    takeFocus(element);
  };

  #areaIs = (/** @type {Element | undefined} */ element) => {
    this.#area = /** @type {HTMLTextAreaElement | null} */ (element ?? null);
  };

  get #sleepsUntil() {
    return restsUntil(this.#app.family.toy(this.#conversation.id));
  }

  get #limits() {
    return this.#app.config?.limits ?? LIMITS;
  }
}

/** On a phone, Enter is a new line. */
const sendsOnEnter = () => matchMedia("(hover: hover) and (pointer: fine)").matches;

/** As high as its text; newer browsers do it by themselves. @param {HTMLTextAreaElement} field @param {boolean} isEmpty */
function fit(field, isEmpty = false) {
  if (CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  if (!isEmpty) field.style.height = `${field.scrollHeight}px`;
}

/** For `ref`, which comes before the element is in the page. @param {Element | undefined} element */
function takeFocus(element) {
  queueMicrotask(() => /** @type {HTMLElement | undefined} */ (element)?.focus({ preventScroll: true }));
}

/** The Enter that began a recording, held down, must not send it. @param {KeyboardEvent} event */
const onlyFresh = (event) => event.repeat && event.preventDefault();
