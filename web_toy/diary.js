// What the toy did last, for its makers: kinds of events and no contents, no tokens, no licences, no links.

const MOST = 20;

/** `what` is a frame's type or a step of ours, such as `← voice` or `→ ack`. */
/** @typedef {{ at: number, what: string }} Note */

export class Diary {
  /** The latest first. @type {Note[]} */
  notes = [];

  /** @param {string} what @param {number} at */
  note(what, at = Date.now()) {
    this.notes = [{ at, what }, ...this.notes].slice(0, MOST);
  }

  clear() {
    this.notes = [];
  }
}

/** A frame in a few words. @param {Record<string, unknown>} frame */
export function frameWords(frame) {
  const kind = typeof frame.type === "string" ? frame.type : "msg" in frame ? "text" : "voice";
  const more = ["event", "code"].map((key) => frame[key]).filter((word) => typeof word === "string");
  return [kind, ...more].join(" ");
}
