// What the toy received and nobody has heard yet, on the disk: the server forgets what was acknowledged, and a page may
// be reloaded, discarded or switched off before somebody listens. And what was heard, until the server surely knows.

import { Kept } from "../web_common/kept.js";

/** @typedef {import("./mail.js").Message} Message */
/** @typedef {import("../web_common/kept.js").Row} Row */

/** The database of a toy. @param {string} toyId */
export const letterboxOf = (toyId) => `toybackend.mail.${toyId}`;

export class Letterbox {
  /** Null where the browser keeps nothing, and when it is closed. @type {Kept | null} */
  #kept = null;
  #isClosed = false;
  #latest = 0;

  /**
   * What is in it, the oldest first: messages to be heard, and the ids of what was.
   * @param {string} toyId
   * @returns {Promise<{ messages: Message[], heard: string[] }>}
   */
  async open(toyId) {
    const kept = await Kept.open(letterboxOf(toyId));
    if (!this.#isClosed) this.#kept = kept;
    const rows = (await this.#kept?.all().catch(() => null)) ?? [];
    this.#latest = rows.at(-1)?.at ?? 0;
    const [heard, messages] = [rows.filter((row) => row.isHeard), rows.filter((row) => !row.isHeard)];
    return { messages: messages.map(messageOf), heard: heard.map(({ ref }) => ref) };
  }

  /** Is it safe now? @param {Message} message @returns {Promise<boolean>} */
  async keep({ sound, ...message }) {
    // Bytes, because not every browser keeps a Blob for good.
    const bytes = await sound?.arrayBuffer();
    return this.#put({ ref: message.id, message, bytes, type: sound?.type });
  }

  /** Only that it was heard is kept. @param {string} id */
  markHeard(id) {
    return this.#put({ ref: id, isHeard: true });
  }

  /** @param {string} id */
  async remove(id) {
    await this.#kept?.remove(id).catch(() => {});
  }

  /** What is in it stays, and nothing more comes. */
  close() {
    this.#isClosed = true;
    this.#kept = null;
  }

  /** Behind all others, so that the order stays. @param {Omit<Row, "at">} row */
  async #put(row) {
    if (!this.#kept) return false;
    this.#latest = Math.max(Date.now(), this.#latest + 1);
    return this.#kept.put(/** @type {Row} */ ({ ...row, at: this.#latest })).then(
      () => true,
      () => false,
    );
  }
}

/** @param {Row} row @returns {Message} */
const messageOf = ({ message, bytes, type }) => ({ ...message, sound: bytes && new Blob([bytes], { type }) });
