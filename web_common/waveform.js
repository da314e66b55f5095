// How loud a voice is from its beginning to its end, as bars; they fill while it plays, and lead to any place in it.

import { html, svg } from "./html.js";
import { texts } from "./texts.js";
import { length } from "./times.js";

const t = texts({
  en: { at: "{now} of {all}" },
  zh: { at: "{now}，共 {all}" },
});

const HEIGHT = 32;
/** From one bar to the next. */
const STEP = 4;
/** Also silence is drawn, as dots. */
const LEAST = 1;
const FLAT = new Array(48).fill(0);
/** How far a press may move and still be a press, in pixels. */
const JITTER = 4;

/**
 * @param {{ bars: number[], durationMs: number, share: number, label: string, isOff?: boolean,
 *   isActive?: boolean, onSeek: (share: number) => void }} of `bars` from 0 to 100; `share` is played, from 0 to 1;
 *   the keyboard stops only at one that is active
 */
export function waveform({ bars, durationMs, share, label, isOff = false, isActive = true, onSeek }) {
  const d = outline(bars.length ? bars : FLAT);
  const seconds = durationMs / 1000;
  return html`<div
    class="waveform"
    role="slider"
    tabindex=${isActive && !isOff ? 0 : -1}
    aria-label=${label}
    aria-disabled=${isOff}
    aria-valuemin="0"
    aria-valuemax=${seconds.toFixed(1)}
    aria-valuenow=${(seconds * share).toFixed(1)}
    aria-valuetext=${t("at", { now: length(durationMs * share), all: length(durationMs) })}
    .style=${`--share: ${share}`}
    @pointerdown=${(/** @type {PointerEvent} */ event) => !isOff && follow(event, onSeek)}
    @keydown=${(/** @type {KeyboardEvent} */ event) => !isOff && step(event, share, seconds, onSeek)}
  >
    ${drawing("waveform-rest", bars, d)}${drawing("waveform-done", bars, d)}
  </div>`;
}

/** @param {string} name @param {number[]} bars @param {string} d */
const drawing = (name, bars, d) => html`<svg
  class=${name}
  viewBox="0 0 ${(bars.length || FLAT.length) * STEP} ${HEIGHT}"
  preserveAspectRatio="none"
  aria-hidden="true"
>
  ${svg`<path d=${d} />`}
</svg>`;

/** @type {WeakMap<number[], string>} */
const drawn = new WeakMap();

/** All bars as one line that lifts its pen. @param {number[]} bars */
function outline(bars) {
  let line = drawn.get(bars);
  if (line === undefined) {
    line = bars.map(bar).join("");
    drawn.set(bars, line);
  }
  return line;
}

/** @param {number} height from 0 to 100 @param {number} place */
function bar(height, place) {
  const half = Math.max(LEAST, (Math.min(100, height) / 100) * (HEIGHT - 4)) / 2;
  return `M${place * STEP + STEP / 2} ${HEIGHT / 2 - half}v${half * 2}`;
}

/**
 * From press to release. What turns out to be scrolling is cancelled by the browser, and leads nowhere.
 * @param {PointerEvent} press
 * @param {(share: number) => void} onSeek
 */
function follow(press, onSeek) {
  if (press.button !== 0) return;
  const place = /** @type {HTMLElement} */ (press.currentTarget);
  const until = new AbortController();
  const { signal } = until;
  const go = (/** @type {PointerEvent} */ event) => {
    const box = place.getBoundingClientRect();
    onSeek(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
  };
  let isDrag = false;
  place.setPointerCapture(press.pointerId);
  place.addEventListener("pointermove", (event) => {
    isDrag ||= Math.abs(event.clientX - press.clientX) > JITTER;
    if (isDrag) go(event);
  }, { signal });
  place.addEventListener("pointerup", (event) => (until.abort(), go(event)), { signal });
  place.addEventListener("pointercancel", () => until.abort(), { signal });
}

/** @param {KeyboardEvent} event @param {number} share @param {number} seconds @param {(share: number) => void} onSeek */
function step(event, share, seconds, onSeek) {
  const one = seconds ? Math.min(1, 1 / seconds) : 0.1;
  /** @type {Record<string, number>} */
  const places = {
    ArrowRight: share + one,
    ArrowUp: share + one,
    ArrowLeft: share - one,
    ArrowDown: share - one,
    PageUp: share + 5 * one,
    PageDown: share - 5 * one,
    Home: 0,
    End: 1,
  };
  const wanted = places[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  onSeek(Math.max(0, Math.min(1, wanted)));
}
