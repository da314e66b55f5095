// One sound at a time in a page: whoever plays another one ends this one.

import { Problem } from "./api.js";

export const SPEEDS = /** @type {const} */ ([1, 1.5, 2, 0.75]);
/** Between two looks at where it is, in milliseconds: all that is on the screen is drawn after each. */
const TICK_MS = 100;
const KEPT_AS = "toybackend.speed";
/** Nobody jumps nearer to the end than this, in seconds: a press at the edge is heard as what it is. */
const LAST = 0.3;
/** So much of a sound, from 0 to 1, is nearly all of it. */
const NEARLY_ALL = 0.9;

/**
 * Events: `change` (in every frame while it plays), `ended` (detail: id; it came to its end), just before it `heard`
 * (detail: id; nearly all of it was played, and not only its end), `failed` (detail: id; it stopped in the middle, such
 * as when the network went away).
 */
export class Player extends EventTarget {
  constructor() {
    super();
    const { element } = this;
    element.preload = "auto";
    element.preservesPitch = true;
    element.addEventListener("play", this.#tick);
    element.addEventListener("playing", this.#tick);
    for (const event of ["pause", "seeked", "waiting", "loadedmetadata"]) element.addEventListener(event, this.#changed);
    element.addEventListener("ended", () => this.#ended());
    element.addEventListener("error", () => this.#failed());
    // Within the page, so that it is found by whoever looks for what sounds there.
    document.body.append(element);
  }

  element = new Audio();
  /** What is loaded, playing or not; null for nothing. @type {string | null} */
  id = null;
  #speed = keptSpeed();
  /** Of a sound that does not tell its own length, such as a recording that was just made, in seconds. */
  #knownLength = 0;
  #isTicking = false;

  get isPlaying() {
    return this.id !== null && !this.element.paused && !this.element.ended;
  }

  /** From 0 to 1. */
  get progress() {
    const length = this.#length;
    return !length || this.element.ended ? 0 : Math.min(1, this.element.currentTime / length);
  }

  get speed() {
    return this.#speed;
  }

  /**
   * Play this; pause or go on where it is loaded already. Throws Problem where it cannot be played.
   * @param {string} id what it is called here
   * @param {string} url on this server, or of a blob
   * @param {number} [durationMs] how long it is, where that is known
   */
  async toggle(id, url, durationMs = 0) {
    if (this.id === id && this.isPlaying) return this.element.pause();
    if (this.id !== id) this.#load(id, url, durationMs);
    await this.#play();
  }

  /** Go to a place, from 0 to 1, of what is loaded. @param {number} share */
  seek(share) {
    const length = this.#length;
    if (this.id === null || !length) return;
    this.element.currentTime = Math.max(0, Math.min(share * length, length - LAST));
    this.#changed();
  }

  stop() {
    if (this.id === null) return;
    this.id = null;
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    this.#changed();
  }

  /** Faster, and from the fastest back to slow. It is remembered. */
  nextSpeed() {
    this.#speed = SPEEDS[(SPEEDS.findIndex((one) => one === this.#speed) + 1) % SPEEDS.length] ?? 1;
    this.element.playbackRate = this.#speed;
    localStorage.setItem(KEPT_AS, String(this.#speed));
    this.#changed();
  }

  get #length() {
    const { duration } = this.element;
    return Number.isFinite(duration) && duration > 0 ? duration : this.#knownLength;
  }

  /** @param {string} id @param {string} url @param {number} durationMs */
  #load(id, url, durationMs) {
    this.id = id;
    this.#knownLength = durationMs / 1000;
    this.element.src = url;
    // Loading sets the rate back to the default one.
    this.element.defaultPlaybackRate = this.element.playbackRate = this.#speed;
  }

  async #play() {
    const { id } = this;
    try {
      await this.element.play();
    } catch (error) {
      // Another sound, or a pause, came first; or the browser wants a press before a page makes a sound.
      if (error instanceof DOMException && ["AbortError", "NotAllowedError"].includes(error.name)) return;
      if (this.id !== id) return;
      this.stop();
      throw new Problem("not_playable");
    } finally {
      this.#changed();
    }
  }

  #ended() {
    const { id } = this;
    this.#changed();
    // What a file says of its length is a guess at times; here it is over.
    if (lengthOf(this.element.played) >= NEARLY_ALL * this.element.currentTime) {
      this.dispatchEvent(new CustomEvent("heard", { detail: id }));
    }
    this.dispatchEvent(new CustomEvent("ended", { detail: id }));
  }

  #failed() {
    const { id } = this;
    // Before the first sound `play` says it.
    if (id === null || this.element.readyState < HTMLMediaElement.HAVE_METADATA) return;
    this.stop();
    this.dispatchEvent(new CustomEvent("failed", { detail: id }));
  }

  #tick = () => {
    if (this.#isTicking) return;
    this.#isTicking = true;
    const step = () => {
      this.#isTicking = this.isPlaying;
      this.#changed();
      if (this.#isTicking) setTimeout(step, TICK_MS);
    };
    step();
  };

  #changed = () => void this.dispatchEvent(new CustomEvent("change"));
}

/** Of all its parts, in seconds. @param {TimeRanges} ranges */
function lengthOf(ranges) {
  let sum = 0;
  for (let part = 0; part < ranges.length; part += 1) sum += ranges.end(part) - ranges.start(part);
  return sum;
}

function keptSpeed() {
  const kept = Number(localStorage.getItem(KEPT_AS));
  return SPEEDS.find((one) => one === kept) ?? 1;
}
