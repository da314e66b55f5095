// What stands on one of the two shelves, as it is looked for; and how far what is converted is.

import { get, Problem } from "../../web_common/api.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */
/** @typedef {"shared" | "own"} Kind */

const PAGE = 100;
/** Between looks at what is being converted, in milliseconds. */
const LOOK_AGAIN = 1_000;
/** So many are looked at, the others in their turn. */
const AT_ONCE = 5;
/** A search begins when nobody has typed for so long, in milliseconds. */
const TYPED = 300;

export class Shelf {
  /** @param {App} app @param {Kind} kind */
  constructor(app, kind) {
    this.#app = app;
    this.kind = kind;
  }

  #app;
  kind;
  search = "";
  category = "";
  /** By title; null until they are known. @type {Item[] | null} */
  items = null;
  hasMore = false;
  /** All that were seen on this shelf. @type {Set<string>} */
  categories = new Set();
  /** Only the latest question's answer counts. */
  #asked = 0;
  #isOpen = false;
  /** @type {number | undefined} */
  #typing;
  /** @type {number | undefined} */
  #looking;

  open() {
    this.#isOpen = true;
    return this.load();
  }

  close() {
    this.#isOpen = false;
    clearTimeout(this.#typing);
    clearTimeout(this.#looking);
  }

  load = () => this.#fetch([]);
  more = () => this.#fetch(this.items ?? []);

  /** @param {string} search */
  find(search) {
    this.search = search;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(this.load, TYPED);
  }

  /** @param {string} category "" for all */
  choose(category) {
    this.category = category;
    return this.load();
  }

  /** @param {Item[]} before what stays; the items after the last of it come */
  async #fetch(before) {
    const turn = ++this.#asked;
    const last = before.at(-1);
    const query = new URLSearchParams({
      shelf: this.kind,
      limit: String(PAGE),
      ...(this.search.trim() && { search: this.search.trim() }),
      ...(this.category && { category: this.category }),
      ...(last && { after: last.id }),
    });
    try {
      const { items } = await get(`/library?${query}`);
      if (turn !== this.#asked) return;
      this.items = [...before, ...items];
      this.hasMore = items.length === PAGE;
      for (const { category } of items) if (category) this.categories.add(category);
      this.#lookLater();
    } catch (error) {
      // Away, which the frame shows; it comes with the next welcome.
      if (!(error instanceof Problem)) throw error;
    }
    this.#app.changed();
  }

  // ── what is being converted ──

  #lookLater() {
    clearTimeout(this.#looking);
    const isBusy = this.items?.some((one) => one.state === "converting");
    if (this.#isOpen && isBusy) this.#looking = setTimeout(this.#look, LOOK_AGAIN);
  }

  #look = async () => {
    const busy = (this.items ?? []).filter((one) => one.state === "converting").slice(0, AT_ONCE);
    const news = await Promise.all(busy.map(lookAt));
    this.items = (this.items ?? []).flatMap((one) => {
      const at = busy.findIndex(({ id }) => id === one.id);
      const found = at < 0 ? one : news[at];
      return found ? [found] : [];
    });
    this.#app.changed();
    this.#lookLater();
  };
}

/** As it is now; null where it is gone. @param {Item} item @returns {Promise<Item | null>} */
export async function lookAt(item) {
  try {
    return await get(`/library/${item.id}`);
  } catch (error) {
    return error instanceof Problem && error.code === "not_found" ? null : item;
  }
}
