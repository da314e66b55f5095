// A button that is held to talk: its pointer and its keys, the table of `hold.js`, and a recorder for each press.
//
//     const talk = new Talk(() => limits.max_audio_seconds);
//     html`<button class="talk-button" ${ref(talk.attach)}>…</button>`     and  talk.open() … talk.close()

import { Hold, slide } from "./hold.js";
import { NoMicrophone, Recorder } from "./recorder.js";

/** @typedef {import("./hold.js").HoldEvent} HoldEvent */
/** @typedef {import("./hold.js").HoldDeed} HoldDeed */
/** @typedef {import("./recorder.js").Recording} Recording */
/** What there is to say; the words are in `talk_words.js`.
 * @typedef {"started" | "armed" | "locked" | "cancelled" | "sent" | "full" | "tap" | "hidden" | "interrupted" |
 *   import("./recorder.js").MicTrouble} Said */

const TICK_MS = 50;
/** We stop this much earlier than the server would mind. */
const MARGIN_MS = 500;
const BUZZ_MS = 15;
/** Where a space has a meaning of its own. */
const BUSY = "input, textarea, select, button, a[href], summary, audio, video, [contenteditable], [role=slider]";

/**
 * Events: `change` (another state), `tick` (the level and the time are others), `moved` (the finger), `said` (detail: Said),
 * `recorded` (detail: Recording, to be sent).
 */
export class Talk extends EventTarget {
  /** @param {() => number} maxSeconds of a message */
  constructor(maxSeconds) {
    super();
    this.#maxSeconds = maxSeconds;
  }

  #maxSeconds;
  #hold = new Hold();
  /** @type {Recorder | null} */
  #recorder = null;
  /** @type {HTMLElement | null} */
  #button = null;
  /** Of the pointer that holds it. @type {number | null} */
  #pointer = null;
  #from = { x: 0, y: 0 };
  #isByKey = false;
  #timer = 0;
  /** @type {import("./recorder.js").Interruption | null} */
  #broken = null;

  /** How far the finger slid, in CSS pixels: to the right, downwards. */
  moved = { x: 0, y: 0 };

  get state() {
    return this.#hold.state;
  }
  /** From 0 to 1. */
  get level() {
    return this.#recorder?.level ?? 0;
  }
  /** Recorded so far. */
  get ms() {
    return this.#recorder?.ms ?? 0;
  }

  /** Listen to the keys of the whole page, too. */
  open() {
    addEventListener("keydown", this.#keyDown);
    addEventListener("keyup", this.#keyUp);
    addEventListener("blur", this.#lost);
  }

  /** Whatever is being recorded is discarded. */
  close() {
    removeEventListener("keydown", this.#keyDown);
    removeEventListener("keyup", this.#keyUp);
    removeEventListener("blur", this.#lost);
    this.#step("cancel");
    this.attach(undefined);
  }

  /** For `ref`: the button that is held, or none for now. @param {Element | undefined} element */
  attach = (element) => {
    this.#button = /** @type {HTMLElement | null} */ (element ?? null);
    element?.addEventListener("pointerdown", this.#pointerDown);
    element?.addEventListener("click", this.#click);
    element?.addEventListener("contextmenu", prevent);
    // Keeps a long touch from selecting, zooming or clicking; the pointer events come all the same.
    element?.addEventListener("touchstart", prevent, { passive: false });
  };

  send = () => this.#step("send");
  cancel = () => this.#step("cancel");

  // ── pointer ──

  #pointerDown = (/** @type {Event} */ event) => {
    const { pointerId, isPrimary, button, clientX: x, clientY: y } = /** @type {PointerEvent} */ (event);
    if (!isPrimary || button !== 0 || this.state !== "idle" || !this.#button) return;
    this.#pointer = pointerId;
    this.#from = { x, y };
    // A finger that slides off the button still belongs to it.
    this.#button.setPointerCapture(pointerId);
    addEventListener("pointermove", this.#pointerMove);
    addEventListener("pointerup", this.#pointerEnd);
    addEventListener("pointercancel", this.#pointerEnd);
    this.#step("press");
  };

  /** A screen reader presses without a pointer and without a key: nobody holds anything then. */
  #click = (/** @type {Event} */ event) => {
    if (/** @type {MouseEvent} */ (event).detail === 0) this.#step("pressFree");
  };

  /** Another finger says nothing: the one that pressed decides. */
  #pointerMove = (/** @type {PointerEvent} */ { pointerId, clientX, clientY }) => {
    if (pointerId !== this.#pointer) return;
    this.moved = { x: clientX - this.#from.x, y: clientY - this.#from.y };
    this.#slide();
    this.dispatchEvent(new Event("moved"));
  };

  #pointerEnd = (/** @type {PointerEvent} */ { pointerId, type }) => {
    if (pointerId !== this.#pointer) return;
    this.#forgetPointer();
    this.#step(type === "pointerup" ? "release" : "lost");
  };

  #forgetPointer() {
    this.#pointer = null;
    this.moved = { x: 0, y: 0 };
    removeEventListener("pointermove", this.#pointerMove);
    removeEventListener("pointerup", this.#pointerEnd);
    removeEventListener("pointercancel", this.#pointerEnd);
  }

  #slide() {
    const event = slide(this.state, this.moved.x, this.moved.y);
    if (event) this.#step(event);
  }

  #lost = () => {
    this.#isByKey = false;
    this.#forgetPointer();
    this.#step("lost");
  };

  // ── keys ──

  #keyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && this.state !== "idle") return this.#take(event, "cancel");
    if (event.key === " " && this.#isOurs(event)) {
      const isFresh = !event.repeat && this.state === "idle";
      if (isFresh) this.#isByKey = true;
      return this.#take(event, isFresh ? "press" : null);
    }
    if (event.key === "Enter" && (this.#isByKey || event.target === this.#button)) {
      return this.#take(event, event.repeat ? null : "pressFree");
    }
  };

  #keyUp = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== " " || !this.#isByKey) return;
    this.#isByKey = false;
    this.#take(event, "release");
  };

  /** @param {KeyboardEvent} event @param {HoldEvent | null} meaning */
  #take(event, meaning) {
    event.preventDefault();
    if (meaning) this.#step(meaning);
  }

  /** Is this key for us: on our button, or where nobody else wants it? @param {KeyboardEvent} event */
  #isOurs({ target, ctrlKey, altKey, metaKey }) {
    if (!this.#button || ctrlKey || altKey || metaKey) return this.#isByKey;
    if (this.#isByKey || target === this.#button) return true;
    return target instanceof Element && !target.closest(BUSY) && !document.querySelector("dialog[open]");
  }

  // ── what the table says ──

  /** @param {HoldEvent} event */
  #step(event) {
    const before = this.state;
    const deed = this.#hold.step(event, performance.now());
    this.#do(deed);
    if (this.state !== before) this.dispatchEvent(new Event("change"));
  }

  /** @param {HoldDeed} deed */
  #do(deed) {
    if (deed === "start") void this.#start();
    else if (deed === "begin") this.#begin();
    else if (deed === "arm") this.#say("armed");
    else if (deed === "lock") this.#say("locked");
    else if (deed === "keep") this.#keep();
    else if (deed === "explain") this.#end("tap");
    else if (deed === "discard") this.#end(this.#recorder?.ms ? "cancelled" : null);
    else if (deed === "send") void this.#finish("sent");
    else if (deed === "sendFull") void this.#finish("full");
  }

  async #start() {
    const recorder = new Recorder();
    this.#recorder = recorder;
    this.#broken = null;
    recorder.addEventListener("interrupted", (event) => {
      this.#broken = /** @type {CustomEvent} */ (event).detail;
      this.#step("broken");
    });
    try {
      if (await recorder.start()) this.#step("ready");
    } catch (error) {
      if (this.#recorder !== recorder) return; // let go of meanwhile
      this.#step("failed");
      this.#say(error instanceof NoMicrophone ? error.code : "mic_failed");
    }
  }

  #begin() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#say(this.state === "locked" ? "locked" : "started");
    this.#slide(); // as far as the finger went while the microphone was opened
  }

  #tick() {
    if (this.ms >= this.#maxSeconds() * 1000 - MARGIN_MS) this.#step("full");
    else this.dispatchEvent(new Event("tick"));
  }

  /** Something came in between: what there is stays in the recorder. */
  #keep() {
    clearInterval(this.#timer);
    void this.#recorder?.stop();
    this.#say(this.#broken === "hidden" ? "hidden" : "interrupted");
  }

  /** Stop without a message. @param {Said | null} said */
  #end(said) {
    this.#takeRecorder()?.cancel();
    if (said) this.#say(said);
  }

  /** @param {Said} said */
  async #finish(said) {
    const recording = await this.#takeRecorder()?.stop();
    if (!recording) return this.#say("mic_failed");
    this.dispatchEvent(new CustomEvent("recorded", { detail: recording }));
    this.#say(said);
  }

  #takeRecorder() {
    const recorder = this.#recorder;
    this.#recorder = null;
    clearInterval(this.#timer);
    return recorder;
  }

  /** @param {Said} said */
  #say(said) {
    // Before anybody has touched the page, browsers complain about a buzz.
    if (BUZZES.has(said) && navigator.userActivation?.hasBeenActive) navigator.vibrate?.(BUZZ_MS);
    this.dispatchEvent(new CustomEvent("said", { detail: said }));
  }
}

/** @type {ReadonlySet<Said>} */
const BUZZES = new Set(/** @type {const} */ (["started", "armed", "locked", "cancelled"]));

/** @param {Event} event */
const prevent = (event) => event.preventDefault();
