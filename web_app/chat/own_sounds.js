// Our own recordings as they are in this page, until the server has them: they can be heard at once.

/** @typedef {import("../../web_common/outbox.js").Pending} Pending */

export class OwnSounds {
  /** By the ref of their message. @type {Map<string, string>} */
  #urls = new Map();

  /** Where it can be played from; null for a text. @param {Pending} pending */
  url({ ref, audio }) {
    if (!audio) return null;
    const found = this.#urls.get(ref);
    if (found) return found;
    const made = URL.createObjectURL(audio);
    this.#urls.set(ref, made);
    return made;
  }

  close() {
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
  }
}
