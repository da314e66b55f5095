// What the toy receives: each message once, acknowledged when it is safe, heard when it was played. No I/O.
//
// The server repeats a message until it is acknowledged, always under the same id. So an id that is known is not handed
// out again, and what was said of it before is said again: it got lost.

/** @typedef {import("../web_common/link.js").Frame} Frame */
/** @typedef {"ours" | "acknowledged" | "heard"} Place */

/** Ids remembered; far more than the server ever has under way on a socket. */
const MOST_KNOWN = 1024;

export class Inbox {
  /** @param {(frame: Frame) => void} say is given the acknowledgements */
  constructor(say) {
    this.#say = say;
  }

  #say;
  /** @type {Map<string, Place>} */
  #known = new Map();

  /** A message came. Is it new? @param {Frame} frame */
  take(frame) {
    const place = this.#known.get(frame.id);
    if (place === "heard") this.#say({ type: "heard", id: frame.id });
    if (place === "acknowledged") this.#say({ type: "ack", id: frame.id });
    if (place) return false;
    this.remember(frame.id, "ours");
    return true;
  }

  /** It is safe with us. @param {string} id */
  acknowledge(id) {
    if ((this.#known.get(id) ?? "ours") !== "ours") return;
    this.remember(id, "acknowledged");
    this.#say({ type: "ack", id });
  }

  /** It was played to its end. @param {string} id */
  heard(id) {
    this.acknowledge(id);
    this.remember(id, "heard");
    this.#say({ type: "heard", id });
  }

  /** We have it from before. @param {string} id @param {Place} place */
  remember(id, place) {
    this.#known.delete(id);
    this.#known.set(id, place);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  /** It could not be had, and may come again. @param {string} id */
  forget(id) {
    this.#known.delete(id);
  }
}
