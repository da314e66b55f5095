// The messages of one conversation: pages of its history, what the socket brings, and what waits in our outbox.
//
//     history, by cursor ─► ┐
//     frames ─────────────► ├─► rows, oldest first ─► then what is pending
//     outbox «accepted» ──► ┘
//
// Every message is here once, by its id. A frame that came is true at once; what was missed while the socket was away
// is read again, back to what was known before.

import { OwnSounds } from "./own_sounds.js";
import { Pages, isGone, joined, startOf } from "./pages.js";
import { rowOfEntry, rowOfFrame, rowOfPending, withReceipt } from "./row.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./pages.js").Page} Page */
/** @typedef {import("../../web_common/types.js").Frame} Frame */
/** @typedef {import("../../web_common/outbox.js").Outbox} Outbox */
/** @typedef {import("../../web_common/outbox.js").Pending} Pending */

/** After so many pages that all are new it is simpler to forget the old ones; they come again when one scrolls back. */
const MOST_MISSED = 10;
/** Several reasons to ask at the same time are one question, in milliseconds. */
const SOON = 200;

export class Thread {
  /**
   * @param {string} id of the conversation
   * @param {string} myId
   * @param {Pick<Outbox, "pending">} outbox
   * @param {() => void} changed
   */
  constructor(id, myId, outbox, changed) {
    this.id = id;
    this.#pages = new Pages(id);
    this.#myId = myId;
    this.#outbox = outbox;
    this.#changed = changed;
  }

  /** The first page is here. */
  isLoaded = false;
  isLoadingOlder = false;
  /** Why there is no first page. @type {unknown} */
  problem = null;
  /** Grows with every change of what is on the server. */
  version = 0;

  #pages;
  #myId;
  #outbox;
  #changed;
  /** @type {Row[]} */
  #rows = [];
  /** Where older ones begin; null where there are none. @type {string | null} */
  #before = null;
  #sounds = new OwnSounds();
  #isClosed = false;
  #isReading = false;
  #readsAgain = false;
  /** Back to when has to be read; infinite for no further than the newest page. */
  #backTo = Infinity;
  /** Deleted ones: a page that was on its way then does not bring them back. @type {Set<string | null>} */
  #deleted = new Set();
  /** @type {number | undefined} */
  #timer;

  get hasOlder() {
    return this.#before !== null;
  }

  /** What the server has, oldest first. */
  get rows() {
    return this.#rows;
  }

  /** What it does not have yet, oldest first. */
  get pending() {
    const known = new Set(this.#rows.map((row) => row.key));
    const waiting = this.#outbox.pending(this.id).filter((one) => !known.has(one.ref));
    return waiting.map((one) => rowOfPending(one, this.#myId, this.#sounds.url(one)));
  }

  /** @param {string} key */
  find = (key) => this.#rows.find((row) => row.key === key) ?? null;

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#sounds.close();
  }

  /** The newest page, and as many more as it takes to reach what has to be read. */
  async read() {
    if (this.#isReading) {
      this.#readsAgain = true;
      return;
    }
    this.#isReading = true;
    const backTo = this.#backTo;
    this.#backTo = Infinity;
    try {
      await this.#catchUp(backTo);
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.#backTo = Math.min(backTo, this.#backTo);
      if (!this.isLoaded) this.problem = error;
    } finally {
      this.#isReading = false;
      this.#touched();
    }
    if (this.#readsAgain && !this.#isClosed) {
      this.#readsAgain = false;
      await this.read();
    }
  }

  /** The socket is open again: what came while it was not, is read. */
  async missed() {
    if (this.isLoaded) this.#backTo = Math.min(this.#backTo, this.#rows.at(-1)?.at ?? Infinity);
    await this.read();
  }

  /** One more page at the front. False when it did not come. */
  async readOlder() {
    const before = this.#before;
    if (this.isLoadingOlder || before === null) return false;
    this.isLoadingOlder = true;
    this.#changed();
    try {
      const page = await this.#pages.ask(before, this.#rows[0]?.at);
      // Where it belongs may have been dropped meanwhile.
      if (this.#before === before) {
        this.#put(page);
        this.#before = page.before;
        this.#mend();
      }
      return true;
    } catch (error) {
      // The message at which it begins is gone, and others with it perhaps.
      if (isGone(error)) this.#checkAll();
      return false;
    } finally {
      this.isLoadingOlder = false;
      this.#touched();
    }
  }

  /** A frame from the socket. True when it brought a message that was not here. @param {Frame} frame */
  take(frame) {
    if (frame.type === "voice" || frame.type === "text") return this.#arrived(frame);
    if (frame.type === "delivered" || frame.type === "heard") this.#receipt(frame, frame.type);
    else if (frame.type === "failed") this.#change(frame.id, (row) => ({ ...row, state: "failed", code: frame.code }));
    else if (frame.type === "notice") this.#noticed(frame);
    return false;
  }

  /** A message of ours is safe on the server. It stays the row that it was. @param {{ ref: string, id: string, pending: Pending }} detail */
  accepted({ ref, id, pending }) {
    const to = pending.to_group ?? pending.to_user;
    if (to !== this.id || this.#rows.some((row) => row.id === id && row.key === ref)) return;
    const row = rowOfPending(pending, this.#myId, this.#sounds.url(pending));
    const found = this.#rows.find((one) => one.id === id);
    this.#rows = this.#rows.filter((one) => one !== found);
    // Its place, until the server has told its own time.
    const at = Math.max(Date.now(), this.#rows.at(-1)?.at ?? 0);
    this.#insert(found ? { ...found, key: ref } : { ...row, id, at, state: "accepted" });
    this.#touched();
    this.#readSoon();
  }

  /** We have heard, or read, it. @param {string} key */
  heard(key) {
    const row = this.find(key);
    if (row) this.#replace(row, { ...row, state: "heard" });
  }

  /** It is gone. @param {string} id */
  forget(id) {
    this.#deleted.add(id);
    this.#rows = this.#rows.filter((row) => row.id !== id);
    this.#mend();
    this.#touched();
  }

  /** @param {number} backTo */
  async #catchUp(backTo) {
    let page = await this.#pages.ask().catch((error) => this.#lost(error));
    // Frames that came earlier than this may be older than it; what stands between is not here yet.
    let beginsThere = !this.isLoaded || !this.#rows.length;
    this.#put(page);
    for (let pages = 1; page.before && startOf(page) > backTo; pages += 1) {
      if ((beginsThere ||= pages === MOST_MISSED)) break;
      page = await this.#pages.ask(page.before, startOf(page));
      this.#put(page);
    }
    if (beginsThere || !page.before) this.#forgetBefore(page);
    this.#mend();
  }

  /** Where the whole conversation is gone, nothing of it stays. @param {unknown} error @returns {never} */
  #lost(error) {
    if (isGone(error)) {
      this.#rows = [];
      this.#before = null;
      this.isLoaded = false;
    }
    throw error;
  }

  /** @param {Page} page */
  #forgetBefore(page) {
    this.#rows = this.#rows.filter((row) => row.at >= startOf(page));
    this.#before = page.before;
  }

  /** Older ones begin at a message that is here. */
  #mend() {
    if (this.#before === null || this.#rows.some((row) => row.id === this.#before)) return;
    this.#before = this.#rows[0]?.id ?? null;
    if (!this.#before) this.#readSoon();
  }

  /** @param {Page} page */
  #put(page) {
    const said = page.messages.map((entry) => rowOfEntry(entry, this.#myId)).reverse();
    this.#rows = joined(this.#rows, page, said.filter((row) => !this.#deleted.has(row.id)));
    this.version += 1;
  }

  /** Everything that is here may be gone. */
  #checkAll() {
    this.#backTo = Math.min(this.#backTo, this.#rows[0]?.at ?? Infinity);
    this.#readSoon();
  }

  /** @param {Frame} frame */
  #arrived(frame) {
    const isHere = frame.to_group ? frame.to_group === this.id : frame.from_user === this.id;
    if (!isHere || this.#deleted.has(frame.id) || this.#rows.some((row) => row.id === frame.id)) return false;
    const row = rowOfFrame(frame, this.#myId);
    // One that we were never told of, from before what is here: its page brings it, with what stands around it.
    if (this.hasOlder && row.at < (this.#rows[0]?.at ?? 0)) return false;
    this.#insert(row);
    this.#touched();
    return true;
  }

  /** @param {Frame} frame @param {"delivered" | "heard"} state */
  #receipt(frame, state) {
    const isKnown = this.#change(frame.id, (row) => withReceipt(row, frame.to_user, state));
    // From another phone of ours, perhaps.
    if (!isKnown && frame.to_user === this.id && state === "delivered") this.#readSoon();
  }

  /** @param {Frame} frame */
  #noticed(frame) {
    if (frame.event === "deleted" && frame.id) this.forget(frame.id);
    // A family that left or takes back its consent takes its messages with it, and nobody names each of them. Of a
    // group we cannot tell whether that toy belonged to it.
    const isOurs = frame.id === this.id || this.id.startsWith("g_");
    if (isOurs && (frame.event === "unbound" || frame.event === "settings")) this.#checkAll();
    if (frame.event === "delayed") this.#change(frame.id, (row) => ({ ...row, isDelayed: true }));
    if (frame.event === "held") {
      this.#change(frame.id, (row) => ({ ...row, held: { ...row.held, [frame.to_user]: frame.until } }));
    }
  }

  /** @param {string} id @param {(row: Row) => Row} change */
  #change(id, change) {
    const row = this.#rows.find((one) => one.id === id);
    if (row) this.#replace(row, change(row));
    return row !== undefined;
  }

  /** @param {Row} row @param {Row} now */
  #replace(row, now) {
    this.#rows = this.#rows.map((one) => (one === row ? now : one));
    this.#touched();
  }

  /** @param {Row} row */
  #insert(row) {
    this.#pages.meanwhile(row.id);
    const place = this.#rows.findLastIndex((one) => one.at <= row.at) + 1;
    this.#rows = this.#rows.toSpliced(place, 0, row);
  }

  #readSoon() {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.read(), SOON);
  }

  #touched() {
    this.version += 1;
    this.#changed();
  }
}
