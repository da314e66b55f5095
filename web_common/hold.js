// Hold to talk, as a table: what each event does in each state. Nothing here knows a page, a microphone or a clock.
//
//                        ┌── slideAway ──► leaving ── release ──► idle (discarded)
//     idle ─ press ─► asking ─ ready ─► holding ── release ──► idle (sent)
//                        │                 ├── slideUp ──► locked ── send ──► idle (sent)
//                        └── release       └── lost, broken ──► kept ── send ──► idle (sent)
//                            ▼
//                           idle (a tap, explained)
//
// States
//   idle        nothing is recorded
//   asking      pressed; the microphone is not open yet
//   askingFree  the same, and nobody holds anything
//   holding     recording for as long as it is held
//   leaving     recording, but slid away: letting go discards it
//   locked      recording by itself, until a button says how it ends
//   kept        recorded until something came in between; waits to be sent or thrown away
//
// Events
//   press, pressFree               the button, and the same without holding it
//   ready, failed                  the microphone is open, or cannot be opened
//   slideAway, slideBack, slideUp  where the finger went, see `slide`
//   release                        let go
//   tap                            any end within the first moments of a recording: too short to be meant
//   lost                           whoever held it cannot let go any more: the window lost the focus, say
//   broken                         the microphone ended, or the page was hidden
//   full                           as long as a message may be
//   send, cancel                   a button, or Escape

/** @typedef {"idle" | "asking" | "askingFree" | "holding" | "leaving" | "locked" | "kept"} HoldState */
/** @typedef {"press" | "pressFree" | "ready" | "failed" | "slideAway" | "slideBack" | "slideUp" | "release" | "tap" |
 *   "lost" | "broken" | "full" | "send" | "cancel"} HoldEvent */
/** What has to be done. @typedef {"start" | "begin" | "arm" | "lock" | "send" | "sendFull" | "keep" |
 *   "explain" | "discard" | null} HoldDeed */

/** A shorter recording is a tap, in milliseconds. */
export const TAP_MS = 300;
/** How far to slide, in CSS pixels. Coming back needs a little more than going, so that a trembling finger decides. */
export const AWAY_PX = 96;
export const BACK_PX = 64;
export const UP_PX = 72;

/** What is not in the table changes nothing. @type {Record<HoldState, Partial<Record<HoldEvent, [HoldState, HoldDeed]>>>} */
export const HOLD = {
  idle: {
    press: ["asking", "start"],
    pressFree: ["askingFree", "start"],
  },
  asking: {
    ready: ["holding", "begin"],
    failed: ["idle", "discard"],
    pressFree: ["askingFree", "lock"],
    slideUp: ["askingFree", "lock"],
    release: ["idle", "explain"],
    lost: ["idle", "explain"],
    broken: ["idle", "discard"],
    cancel: ["idle", "discard"],
  },
  askingFree: {
    ready: ["locked", "begin"],
    failed: ["idle", "discard"],
    broken: ["idle", "discard"],
    cancel: ["idle", "discard"],
  },
  holding: {
    pressFree: ["locked", "lock"],
    slideAway: ["leaving", "arm"],
    slideUp: ["locked", "lock"],
    release: ["idle", "send"],
    tap: ["idle", "explain"],
    lost: ["kept", "keep"],
    broken: ["kept", "keep"],
    full: ["idle", "sendFull"],
    cancel: ["idle", "discard"],
  },
  leaving: {
    slideBack: ["holding", null],
    release: ["idle", "discard"],
    tap: ["idle", "discard"],
    lost: ["kept", "keep"],
    broken: ["kept", "keep"],
    full: ["kept", "keep"],
    cancel: ["idle", "discard"],
  },
  locked: {
    send: ["idle", "send"],
    broken: ["kept", "keep"],
    full: ["idle", "sendFull"],
    cancel: ["idle", "discard"],
  },
  kept: {
    send: ["idle", "send"],
    cancel: ["idle", "discard"],
  },
};

/** Ends that a moment's recording turns into a tap. @type {ReadonlySet<HoldEvent>} */
const ENDS = new Set(/** @type {const} */ (["release", "lost", "broken"]));

export class Hold {
  /** @type {HoldState} */
  state = "idle";
  #readyAt = 0;

  /**
   * @param {HoldEvent} event
   * @param {number} now in milliseconds, of any clock that does not jump
   * @returns {HoldDeed}
   */
  step(event, now) {
    const row = HOLD[this.state];
    const isTap = "tap" in row && ENDS.has(event) && now - this.#readyAt < TAP_MS;
    const found = row[isTap ? "tap" : event];
    if (!found) return null;
    if (event === "ready") this.#readyAt = now;
    this.state = found[0];
    return found[1];
  }
}

/**
 * What a finger that moved from where it pressed means now; null for nothing new.
 * @param {HoldState} state
 * @param {number} dx to the right, in CSS pixels
 * @param {number} dy downwards
 * @returns {HoldEvent | null}
 */
export function slide(state, dx, dy) {
  if (state === "leaving") return -dx < BACK_PX ? "slideBack" : null;
  if (state !== "holding" && state !== "asking") return null;
  if (-dy >= UP_PX && -dy > Math.abs(dx)) return "slideUp";
  return -dx >= AWAY_PX && state === "holding" ? "slideAway" : null;
}
