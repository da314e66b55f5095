// What was played to its end, told until the server surely knows. What is written on a socket that is half dead is lost
// without a word, so what was said on one socket is said once more on the next; the server does not mind.

/** @typedef {import("../web_common/link.js").Frame} Frame */

const OFTEN_ENOUGH = 2;
/** More than a child hears on one socket that breaks. */
const MOST = 64;

export class Heard {
  /**
   * @param {(frame: Frame) => boolean} say false when there is no socket
   * @param {(id: string) => void} known of this nothing has to be said any more
   */
  constructor(say, known) {
    this.#say = say;
    this.#known = known;
  }

  #say;
  #known;
  /** How often each was said; the oldest first. @type {Map<string, number>} */
  #told = new Map();

  /** @param {string} id of a message or of a song */
  tell(id) {
    this.#told.delete(id);
    this.#told.set(id, 0);
    this.#repeat(id);
    const oldest = this.#told.keys().next().value;
    if (this.#told.size > MOST && oldest !== undefined) this.#finish(oldest);
  }

  /** There is a new socket. */
  again() {
    for (const id of [...this.#told.keys()]) this.#repeat(id);
  }

  /** @param {string} id */
  #repeat(id) {
    if (!this.#say({ type: "heard", id })) return;
    const times = (this.#told.get(id) ?? 0) + 1;
    this.#told.set(id, times);
    if (times >= OFTEN_ENOUGH) this.#finish(id);
  }

  /** @param {string} id */
  #finish(id) {
    this.#told.delete(id);
    this.#known(id);
  }
}
