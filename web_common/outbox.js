// What we said and the server does not have yet. It is kept on the disk before it is sent, and sent until it is accepted.
//
//     waiting ─► sending ─► accepted: gone from here
//        ▲ ▲        │
//        │ └────────┤  the link broke, nobody answered, or the server asks us to wait
//     retry ◄─ failed ◄─ it was refused
//
// Sent again means with the same `ref`, of which the server makes one message. In a conversation one goes after the
// other, so they arrive in the order in which they were said. Of several tabs only the one that has the turn sends.

import { digest, frameOf, newRef, placeOf } from "./pending.js";
import { Shelf } from "./shelf.js";
import { Turn } from "./turn.js";

/** @typedef {import("./pending.js").Message} Message */
/** @typedef {import("./pending.js").Pending} Pending */
/** @typedef {import("./shelf.js").News} News */
/** @typedef {import("./link.js").Frame} Frame */

/** No answer for this long: sent again, in milliseconds. */
const PATIENCE = 30_000;
/** Seconds to wait where the server does not say how many. */
const A_WHILE = 5;
/** Refusals that pass by themselves. */
const PASSING = ["rate_limited", "overloaded"];

/** The database of whoever has this id. @param {string} ownerId */
export const outboxOf = (ownerId) => `toybackend.outbox.${ownerId}`;

/** Events: `change` (something waits, or no longer), `accepted` (detail: { ref, id, pending }). */
export class Outbox extends EventTarget {
  /** @param {import("./link.js").Link} link @param {{ patience?: number }} [options] in milliseconds */
  constructor(link, { patience = PATIENCE } = {}) {
    super();
    this.#link = link;
    this.#patience = patience;
    link.addEventListener("state", () => this.#linked());
    this.#on("accepted", (frame) => void this.#accepted(frame));
    this.#on("error", (frame) => (frame.ref ? void this.#refused(frame) : this.#puzzled()));
  }

  #link;
  #patience;
  /** @type {string | null} */
  #owner = null;
  #shelf = new Shelf();
  /** @type {Turn | null} */
  #turn = null;
  /** Of a message that is under way: until its answer is overdue; of a waiting one: until it may go. @type {Map<string, number>} */
  #timers = new Map();
  /** Sent again already because of an error that named no message. @type {Set<string>} */
  #doubted = new Set();
  /** What changes the shelf happens one after the other. @type {Promise<unknown>} */
  #work = Promise.resolve();

  /** Whose messages these are. What they could not send the last time goes out now. @param {string} ownerId */
  open(ownerId) {
    return this.#inTurn(async () => {
      if (this.#owner === ownerId) return;
      const early = this.#owner ? [] : this.#shelf.entries;
      this.#leave();
      this.#owner = ownerId;
      const name = outboxOf(ownerId);
      this.#turn = new Turn(name, () => void this.#reload());
      this.#shelf = new Shelf(name);
      this.#shelf.onNews = (news) => void this.#heard(news);
      await this.#shelf.open(early);
      this.#linked();
    });
  }

  /** What waits stays on this device, and nothing of it goes out any more, until it is opened again. */
  close() {
    return this.#inTurn(async () => this.#leave());
  }

  /** Delete everything of this owner from this device. */
  forget() {
    return this.#inTurn(async () => {
      await this.#shelf.destroy();
      this.#leave();
      this.#changed();
    });
  }

  /**
   * Keep a message and send it as soon as possible. Resolves when it is safe on this device.
   * @param {Message} message
   * @returns {Promise<string>} its ref
   */
  put(message) {
    const ref = newRef();
    return this.#inTurn(async () => {
      const sha256 = message.audio && (await digest(message.audio));
      const at = this.#shelf.after(Date.now());
      await this.#shelf.keep({ ...message, ref, sha256, at, state: "waiting" });
      this.#send();
      return ref;
    });
  }

  /** @param {string} conversationId @returns {Pending[]} oldest first */
  pending(conversationId) {
    return this.#shelf.entries.filter((one) => placeOf(one) === conversationId);
  }

  /** What was refused, in whichever conversation; the oldest first. */
  failed() {
    return this.#shelf.entries.filter((one) => one.state === "failed");
  }

  /** Try a refused one again. @param {string} ref */
  retry(ref) {
    return this.#inTurn(async () => {
      const found = this.#shelf.find(ref);
      if (found?.state !== "failed") return;
      found.state = "waiting";
      found.code = undefined;
      this.#doubted.delete(ref);
      await this.#shelf.keep(found);
      this.#send();
    });
  }

  /** Throw it away. @param {string} ref */
  discard(ref) {
    return this.#inTurn(async () => {
      await this.#drop(ref);
      this.#send();
    });
  }

  // ── sending ──

  #linked() {
    if (this.#link.state === "open") return this.#turn?.ask();
    this.#turn?.giveUp();
    for (const one of this.#shelf.entries) if (one.state === "sending") this.#wait(one);
    this.#changed();
  }

  /** Write the first of each conversation, unless it is under way or has to wait. */
  #send() {
    const busy = new Set();
    for (const one of this.#shelf.entries) {
      const place = placeOf(one);
      if (one.state === "failed" || busy.has(place)) continue;
      busy.add(place);
      if (one.state === "waiting" && !this.#timers.has(one.ref)) this.#write(one);
    }
    this.#changed();
  }

  /** @param {Pending} one */
  #write(one) {
    if (!this.#turn?.isMine || this.#link.state !== "open") return;
    const most = this.#link.welcome?.max_audio_bytes ?? Infinity;
    // So large that it would end the whole link, not only itself.
    if (one.audio && one.audio.size > most) return void this.#fail(one.ref, "audio_too_large");
    if (!this.#link.send(frameOf(one), one.audio)) return;
    one.state = "sending";
    this.#after(one, this.#patience, () => this.#overdue(one));
  }

  /** @param {Pending} one */
  #overdue(one) {
    if (this.#link.unsent) return this.#after(one, this.#patience, () => this.#overdue(one)); // the line is slow
    this.#wait(one);
    this.#send();
  }

  /** @param {Pending} one @param {number} seconds until it may be sent again */
  #wait(one, seconds = 0) {
    one.state = "waiting";
    this.#calm(one.ref);
    if (seconds) this.#after(one, seconds * 1000, () => this.#send());
  }

  /** @param {Pending} one @param {number} ms @param {() => void} then */
  #after(one, ms, then) {
    this.#calm(one.ref);
    const timer = setTimeout(() => {
      this.#timers.delete(one.ref);
      then();
    }, ms);
    this.#timers.set(one.ref, timer);
  }

  /** @param {string} ref */
  #calm(ref) {
    clearTimeout(this.#timers.get(ref));
    this.#timers.delete(ref);
  }

  // ── what the server says ──

  /** @param {string} type @param {(frame: Frame) => void} take */
  #on(type, take) {
    this.#link.addEventListener(`frame:${type}`, (event) => take(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {Frame} frame */
  #accepted({ ref, id }) {
    return this.#inTurn(async () => {
      const pending = this.#shelf.find(ref);
      if (!pending) return;
      await this.#drop(ref, { accepted: { ref, id } });
      this.#announce({ ref, id, pending });
      this.#send();
    });
  }

  /** @param {Frame} frame */
  async #refused({ ref, code, retry_after: seconds }) {
    const found = this.#shelf.find(ref ?? "");
    if (!found) return;
    if (PASSING.includes(code)) this.#wait(found, seconds || A_WHILE);
    else await this.#fail(found.ref, code);
    this.#changed();
  }

  /** @param {string} ref @param {string} code */
  #fail(ref, code) {
    return this.#inTurn(async () => {
      const found = this.#shelf.find(ref);
      if (!found) return;
      this.#calm(ref);
      found.state = "failed";
      found.code = code;
      await this.#shelf.keep(found);
      this.#send();
    });
  }

  /** Some frame was refused, and nobody says which: what is under way is sent once more. */
  #puzzled() {
    for (const one of this.#shelf.entries) {
      if (one.state !== "sending" || this.#doubted.has(one.ref)) continue;
      this.#doubted.add(one.ref);
      this.#wait(one);
    }
    this.#send();
  }

  // ── the shelf and the other tabs ──

  /** @param {string} ref @param {News} [news] */
  async #drop(ref, news) {
    await this.#shelf.drop(ref, news);
    this.#calm(ref);
    this.#doubted.delete(ref);
  }

  #reload() {
    return this.#inTurn(async () => {
      await this.#shelf.read();
      this.#send();
    });
  }

  /** @param {News} news from another tab */
  async #heard({ forgotten, accepted }) {
    if (forgotten) {
      this.#leave();
      return this.#changed();
    }
    const pending = accepted && this.#shelf.find(accepted.ref);
    if (accepted && pending) this.#announce({ ...accepted, pending });
    await this.#reload();
  }

  #leave() {
    for (const one of this.#shelf.entries) this.#calm(one.ref);
    this.#turn?.giveUp();
    this.#shelf.close();
    this.#shelf = new Shelf();
    this.#owner = this.#turn = null;
  }

  // ── small things ──

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #inTurn(work) {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {{ ref: string, id: string, pending: Pending }} detail */
  #announce(detail) {
    this.dispatchEvent(new CustomEvent("accepted", { detail }));
  }
}
