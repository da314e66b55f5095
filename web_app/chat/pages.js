// The history of one conversation, page by page. A page is the truth of the time that it spans: what stands there and is
// not in it is gone, unless it came while the page was on its way.

import { Problem, get } from "../../web_common/api.js";
import { merge } from "./row.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("../../web_common/types.js").Entry} Entry */
/** @typedef {string | null} Id of a message */

/**
 * - `messages`: newest first; `before`: the message before which the next page ends, null for none.
 * - `until`: up to when it is the truth, in milliseconds since the epoch.
 * - `came`: messages that came, or were sent, after it was asked for.
 * @typedef {{ messages: Entry[], before: string | null, until: number, came: ReadonlySet<Id> }} Page
 */

const LENGTH = 50;

export class Pages {
  /** @param {string} id of the conversation */
  constructor(id) {
    this.#id = id;
  }

  #id;
  /** Of every page that is on its way, who came since. @type {Set<Set<Id>>} */
  #onTheWay = new Set();

  /** The newest one, or the one that ends before a message. Throws Problem. @param {string} [before] @param {number} [until] @returns {Promise<Page>} */
  async ask(before, until = Infinity) {
    const came = new Set();
    this.#onTheWay.add(came);
    try {
      const from = before ? `&before=${encodeURIComponent(before)}` : "";
      return { ...(await get(`/conversations/${this.#id}/messages?limit=${LENGTH}${from}`)), until, came };
    } finally {
      this.#onTheWay.delete(came);
    }
  }

  /** A message came by another way. @param {Id} id */
  meanwhile(id) {
    for (const came of this.#onTheWay) came.add(id);
  }
}

/**
 * What was known together with what a page says, oldest first.
 * @param {Row[]} rows that were known
 * @param {Page} page
 * @param {Row[]} said its messages, oldest first
 */
export function joined(rows, page, said) {
  const known = new Map(rows.map((row) => [row.id, row]));
  const merged = said.map((row) => {
    const old = known.get(row.id);
    known.delete(row.id);
    return old ? merge(old, row) : row;
  });
  const others = [...known.values()].filter((row) => !isMissing(row, page));
  // By time; what came at the same time stays in the server's order.
  return [...others, ...merged].sort((a, b) => a.at - b.at);
}

/** From when it is the truth; the last page reaches back for ever. @param {Page} page */
export const startOf = ({ before, messages }) => (before ? Date.parse(messages.at(-1)?.sent_at ?? "") : -Infinity);

/** Such a conversation, or such a message to begin at, is not there. @param {unknown} error */
export const isGone = (error) => error instanceof Problem && error.code === "not_found";

/** Is a message that the page does not name gone? @param {Row} row @param {Page} page */
const isMissing = (row, page) => row.at > startOf(page) && row.at < page.until && !page.came.has(row.id);
