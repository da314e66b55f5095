// The life of the toy: which state it is in, and what leads from one to the next. No DOM, no I/O.
//
//     off ─► starting ─► unlicensed
//                     ─► unbound ─► ready ◄─► asleep
//     whatever has a socket ◄─► away

/**
 * `starting`: switched on, and the server did not answer yet. `away`: the server cannot be reached.
 * @typedef {"off" | "starting" | "unlicensed" | "unbound" | "ready" | "asleep" | "away"} LifeState
 */
/**
 * `parted`: another page is this toy now, or the server wants nothing of us.
 * @typedef {"switched_on" | "switched_off" | "unlicensed" | "no_family" | "family" | "rest_began" | "rest_ended" |
 *   "lost" | "parted"} LifeEvent
 */

/** @type {Partial<Record<LifeEvent, LifeState>>} What the server may say at any time when it is asked who we are. */
const ANSWERS = { unlicensed: "unlicensed", no_family: "unbound", family: "ready" };
/** @type {Partial<Record<LifeEvent, LifeState>>} */
const ENDS = { switched_off: "off", parted: "off" };

/** @type {Record<LifeState, Partial<Record<LifeEvent, LifeState>>>} */
export const LIFE = {
  off: { switched_on: "starting" },
  starting: { ...ENDS, ...ANSWERS, lost: "away" },
  unlicensed: { ...ENDS },
  unbound: { ...ENDS, ...ANSWERS, lost: "away" },
  ready: { ...ENDS, ...ANSWERS, rest_began: "asleep", lost: "away" },
  asleep: { ...ENDS, ...ANSWERS, rest_ended: "ready", lost: "away" },
  away: { ...ENDS, ...ANSWERS },
};

/**
 * The next state; the same one where the event means nothing to it.
 * @param {LifeState} state @param {LifeEvent} event @returns {LifeState}
 */
export const next = (state, event) => LIFE[state][event] ?? state;

const MOST_CLAIM_MS = 540_000;
/** When our clock says that a fresh code is over already, our clock is wrong. */
const UNSURE_CLAIM_MS = 30_000;

/**
 * In how many milliseconds a new code is due: before the old one ends, while somebody may be typing it.
 * @param {string} expiresAt @param {number} now
 */
export function renewAfter(expiresAt, now) {
  const left = Date.parse(expiresAt) - now;
  return left > 0 ? Math.min(Math.max(1_000, left * 0.9), MOST_CLAIM_MS) : UNSURE_CLAIM_MS;
}

/**
 * To whom an answer goes when nobody has spoken since we were switched on: to the last one we talked with, else to the
 * whole family, else to whoever of it there is. Null when there is nobody.
 * @param {{ id: string, kind: string, name: string, may_send: boolean, last: object | null }[]} conversations latest first
 */
export function whomToAnswer(conversations) {
  const open = conversations.filter((one) => one.may_send);
  return open.find((one) => one.last) ?? open.find((one) => one.kind === "family") ?? open[0] ?? null;
}
