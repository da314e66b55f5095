// The messages that wait: in memory, on the disk, and the same in all tabs of one person.

import { Kept } from "./kept.js";
import { pendingOf, rowOf } from "./pending.js";

/** @typedef {import("./pending.js").Pending} Pending */
/** What another tab did. @typedef {{ changed?: true, forgotten?: true, accepted?: { ref: string, id: string } }} News */

export class Shelf {
  /** @param {string | null} name of the database and of the channel to the other tabs; null: only in memory */
  constructor(name = null) {
    this.#name = name;
  }

  /** The oldest first. @type {Pending[]} */
  entries = [];
  /** Another tab says something. @type {(news: News) => void} */
  onNews = () => {};
  #name;
  /** Null where the browser keeps nothing: then it is only remembered. @type {Kept | null} */
  #kept = null;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** Those that could not be written to the disk. @type {Set<string>} */
  #loose = new Set();

  /** @param {Pending[]} early what was said before it was known by whom */
  async open(early) {
    this.entries = early;
    if (!this.#name) return;
    this.#kept = await Kept.open(this.#name);
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.onNews(data);
    for (const one of early) await this.keep(one);
    await this.read();
  }

  close() {
    this.#channel?.close();
    this.#channel = this.#kept = null;
    this.entries = [];
  }

  /** Everything is gone from this device. */
  async destroy() {
    await this.#kept?.destroy().catch(() => {});
    this.#tell({ forgotten: true });
    this.close();
  }

  /** @param {string} ref */
  find(ref) {
    return this.entries.find((one) => one.ref === ref);
  }

  /** A time later than all others here, so that the order stays. @param {number} now */
  after(now) {
    return Math.max(now, (this.entries.at(-1)?.at ?? 0) + 1);
  }

  /** Resolves when it is on the disk. A full disk must not keep anybody from speaking: then it is only remembered.
   * @param {Pending} one new, or changed */
  async keep(one) {
    try {
      await this.#kept?.put(await rowOf(one));
      this.#loose.delete(one.ref);
    } catch {
      this.#loose.add(one.ref);
    }
    if (!this.find(one.ref)) this.entries.push(one);
    this.#tell({ changed: true });
  }

  /** @param {string} ref @param {News} news what the other tabs are told once it is gone */
  async drop(ref, news = { changed: true }) {
    await this.#kept?.remove(ref).catch(() => {});
    this.#loose.delete(ref);
    this.entries = this.entries.filter((one) => one.ref !== ref);
    this.#tell(news);
  }

  /** The disk is what all tabs agree on. */
  async read() {
    const rows = await this.#kept?.all().catch(() => null);
    if (!rows) return;
    const before = new Map(this.entries.map((one) => [one.ref, one]));
    const loose = this.entries.filter((one) => this.#loose.has(one.ref));
    this.entries = [...rows.map((row) => pendingOf(row, before.get(row.ref))), ...loose];
  }

  /** @param {News} news for the other tabs */
  #tell(news) {
    this.#channel?.postMessage(news);
  }
}
