// Which part of a long chat is drawn: never more than a few screens of it, however far somebody scrolls.

/** @typedef {import("./row.js").Row} Row */

const STEP = 50;
/** Rows in the page at the most. */
export const MOST = 150;

export class Span {
  /** The first that is drawn; null for as early as there is. @type {number | null} */
  #from = null;
  /** The last; null for the newest. @type {number | null} */
  #to = null;

  /** Does it reach the newest message? */
  get isAtEnd() {
    return this.#to === null;
  }

  /** What of these is drawn. @param {Row[]} rows oldest first @returns {Row[]} */
  cut(rows) {
    const [first, end] = this.#places(rows);
    return rows.slice(first, end);
  }

  /** Are there rows here before those that are drawn? @param {Row[]} rows */
  hasOlder = (rows) => this.#places(rows)[0] > 0;

  /** Draw some older ones. @param {Row[]} rows */
  toOlder(rows) {
    const [first, end] = this.#places(rows);
    const from = Math.max(0, first - STEP);
    this.#from = rows[from]?.at ?? null;
    if (end - from > MOST) this.#to = rows[from + MOST - 1]?.at ?? null;
  }

  /** Draw some newer ones. @param {Row[]} rows */
  toNewer(rows) {
    const [, end] = this.#places(rows);
    const to = end + STEP;
    this.#to = to >= rows.length ? null : (rows[to - 1]?.at ?? null);
    this.#from = rows[Math.max(0, Math.min(to, rows.length) - MOST)]?.at ?? null;
  }

  /** Back to the newest ones. @param {Row[]} rows */
  toEnd(rows) {
    this.#to = null;
    this.#from = rows[Math.max(0, rows.length - STEP)]?.at ?? null;
  }

  /** From where to where, the end not included. @param {Row[]} rows @returns {[number, number]} */
  #places(rows) {
    const from = this.#from;
    const to = this.#to;
    const last = to === null ? rows.length : rows.findLastIndex((row) => row.at <= to) + 1;
    // All that was drawn may be gone; what is left begins later.
    const end = last || Math.min(rows.length, STEP);
    const first = from === null ? 0 : rows.findIndex((row) => row.at >= from);
    const found = first < 0 ? end : first;
    // While one reads the newest ones, those that come push the oldest out.
    return [to === null ? Math.max(found, end - MOST) : found, end];
  }
}
