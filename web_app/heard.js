// Telling the server what somebody heard, and until it surely knows: a connection is away at times, and one that just
// broke may have swallowed what was said last.

/** @typedef {import("../web_common/link.js").Link} Link */

/** As long as a broken connection may look like a good one, in milliseconds. */
const DOUBTED_MS = 2 * 60_000;
/** Of those that were said, this many are said again at the most. */
const MOST_DOUBTED = 50;

export class Heard {
  /** @param {Pick<Link, "send">} link @param {() => number} clock in milliseconds */
  constructor(link, clock = Date.now) {
    this.#link = link;
    this.#clock = clock;
  }

  #link;
  #clock;
  /** Ids of messages. @type {Set<string>} */
  #untold = new Set();
  /** When each was said. @type {Map<string, number>} */
  #told = new Map();

  /** @param {string} id of a message */
  tell(id) {
    this.#untold.add(id);
    this.#flush();
  }

  /** There is a new connection: say what was not said yet, and once more what the last one may have swallowed.
   * Was there any? */
  again() {
    for (const [id, at] of this.#told) if (this.#clock() - at < DOUBTED_MS) this.#untold.add(id);
    this.#told.clear();
    const isAny = this.#untold.size > 0;
    this.#flush();
    return isAny;
  }

  #flush() {
    for (const id of this.#untold) {
      if (!this.#link.send({ type: "heard", id })) return;
      this.#untold.delete(id);
      this.#told.set(id, this.#clock());
    }
    for (const id of [...this.#told.keys()].slice(0, -MOST_DOUBTED)) this.#told.delete(id);
  }
}
