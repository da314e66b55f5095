// Messages on their way from the socket to the ear: fetched, kept and acknowledged, then played in the order in which
// they came, by themselves or on a press, as the family chose.

import { get, here } from "../web_common/api.js";
import { Heard } from "./heard.js";
import { Inbox } from "./inbox.js";
import { Letterbox } from "./letterbox.js";
import { whomToAnswer } from "./life.js";

/** @typedef {import("../web_common/link.js").Frame} Frame */
/** `sound` of a voice, `msg` of a text. */
/** @typedef {{ id: string, from_user: string, from_name: string, to_group?: string, sound?: Blob, msg?: string }} Message */
/** Whom an answer goes to; `name` is empty for the whole family. @typedef {{ to_user: string, name: string } | { to_group: string, name: string }} Addressee */
/**
 * What the toy around it gives. `say`: false when there is no socket. `autoplay`: do new messages play by themselves?
 * `rests`: is it a time of rest?
 * @typedef {{ say: (frame: Frame) => boolean, token: () => string, autoplay: () => boolean, rests: () => boolean,
 *   changed: () => void }} Keeper
 */

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;

export class Mail {
  /** @param {import("./voice.js").Voice} voice @param {Keeper} keeper */
  constructor(voice, keeper) {
    this.#voice = voice;
    this.#keeper = keeper;
    this.#heard = new Heard(keeper.say, (id) => void this.#letterbox.remove(id));
    this.#inbox = new Inbox((frame) => (frame.type === "heard" ? this.#heard.tell(frame.id) : keeper.say(frame)));
  }

  /** Those that wait for a press, the oldest first. @type {Message[]} */
  waiting = [];
  /** Who spoke to us last. @type {Addressee | null} */
  lastFrom = null;

  #voice;
  #keeper;
  #inbox;
  #heard;
  #letterbox = new Letterbox();
  #toyId = "";
  /** Those that are being fetched; what is deleted meanwhile is not among them any more. @type {Set<string>} */
  #underWay = new Set();
  /** One after the other, so that their order stays. @type {Promise<void>} */
  #coming = Promise.resolve();
  #isOver = false;

  // ── in ──

  /** This toy is at home: what it received before and nobody has heard is there again. @param {string} toyId */
  open(toyId) {
    if (this.#toyId === toyId) return;
    this.#toyId = toyId;
    this.#inTurn(() => this.#load(toyId));
  }

  /** @param {Frame} frame a `voice` or a `text` */
  take(frame) {
    // What the server sends to a toy that rests is meant to wake it up.
    const isUrgent = this.#keeper.rests();
    this.#underWay.add(frame.id);
    this.#inTurn(() => this.#bring(frame, isUrgent).finally(() => this.#underWay.delete(frame.id)));
  }

  /** A message was deleted. @param {string} id */
  drop(id) {
    this.#underWay.delete(id);
    this.waiting = this.waiting.filter((one) => one.id !== id);
    this.#voice.drop(id);
    void this.#letterbox.remove(id);
  }

  /** This toy is switched off, or has no family any more: nothing of it may stay in memory. */
  end() {
    this.#isOver = true;
    this.#letterbox.close();
    this.waiting = [];
    this.lastFrom = null;
  }

  // ── out ──

  /** A message was played to its end. @param {string} id */
  heard(id) {
    void this.#letterbox.markHeard(id);
    this.#inbox.heard(id);
  }

  /** A song was. @param {string} id */
  sung(id) {
    void this.#letterbox.markHeard(id);
    this.#heard.tell(id);
  }

  /** There is a new socket. */
  welcomed() {
    this.#heard.again();
  }

  /** Nobody will ever be able to play it. @param {string} id */
  broken(id) {
    void this.#letterbox.remove(id);
  }

  /** Somebody pressed the lamp: now is the time. */
  press() {
    for (const message of this.waiting.splice(0)) this.#voice.tell(message);
    this.#keeper.changed();
  }

  /** It was not played to its end. @param {Message} message */
  putBack(message) {
    this.waiting = [message, ...this.#voice.takeBack(), ...this.waiting];
  }

  /** What has not begun to play waits for the morning. */
  rest() {
    this.waiting.push(...this.#voice.takeBack());
  }

  /** The rest is over. */
  wake() {
    if (this.#keeper.autoplay()) this.press();
  }

  /** Nobody has spoken since we were switched on: find out whom we may answer. */
  async findAddressee() {
    if (this.lastFrom) return;
    const found = await get("/conversations", { token: this.#keeper.token() }).catch(() => null);
    const whom = found ? whomToAnswer(found.conversations) : null;
    if (!whom || this.lastFrom || this.#isOver) return;
    const isGroup = whom.kind === "family" || whom.kind === "custom";
    const name = whom.kind === "family" ? "" : whom.name;
    this.lastFrom = isGroup ? { to_group: whom.id, name } : { to_user: whom.id, name };
    this.#keeper.changed();
  }

  // ── inside ──

  /** @param {() => Promise<void>} work */
  #inTurn(work) {
    // One that cannot be had must not keep the others out.
    this.#coming = this.#coming.then(work).catch((error) => console.error(error));
  }

  /** @param {string} toyId */
  async #load(toyId) {
    const { messages, heard } = await this.#letterbox.open(toyId);
    if (this.#isOver) return;
    for (const id of heard) this.#inbox.remember(id, "heard"), this.#heard.tell(id);
    for (const message of messages) {
      this.#inbox.remember(message.id, "acknowledged");
      this.#arrived(message);
    }
  }

  /** @param {Frame} frame @param {boolean} isUrgent */
  async #bring(frame, isUrgent) {
    const { id, type, from_user, from_name, to_group, msg } = frame;
    if (this.#isOver || !this.#inbox.take(frame)) return;
    const sound = type === "voice" ? await this.#fetch(id, here(frame.url)) : undefined;
    if (this.#isOver) return;
    if (sound === "not_now") return this.#inbox.forget(id);
    if (sound === "gone") return this.#inbox.acknowledge(id);
    const message = { id, from_user, from_name, to_group, sound, msg };
    const isSafe = await this.#letterbox.keep(message);
    if (this.#isOver) return;
    // Where nothing can be kept, the server keeps it until it was heard.
    if (isSafe) this.#inbox.acknowledge(id);
    if (this.#underWay.has(id)) this.#arrived(message, isUrgent);
    else void this.#letterbox.remove(id);
  }

  /** @param {Message} message @param {boolean} isUrgent may be heard in a time of rest */
  #arrived(message, isUrgent = false) {
    const { from_user, from_name: name, to_group } = message;
    this.lastFrom = to_group ? { to_group, name } : { to_user: from_user, name };
    const isTime = isUrgent || !this.#keeper.rests();
    const isFirst = this.waiting.length === 0 && !this.#voice.isTelling;
    if (isFirst && isTime) this.#voice.say("new_message");
    if (isTime && this.#keeper.autoplay()) this.#voice.tell(message);
    else this.waiting.push(message);
    this.#keeper.changed();
  }

  /**
   * The sound of a message, however long it takes. `gone`: it was deleted. `not_now`: the link is too old, say; while it
   * is not acknowledged it comes again, with another one.
   * @param {string} id @param {string} url
   * @returns {Promise<Blob | "gone" | "not_now">}
   */
  async #fetch(id, url) {
    for (let wait = FIRST_WAIT; !this.#isOver && this.#underWay.has(id); wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        const headers = { Authorization: `Bearer ${this.#keeper.token()}` };
        const answer = await fetch(url, { headers, credentials: "omit" });
        if (answer.ok) return await answer.blob();
        if (answer.status === 410) return "gone";
        if (answer.status === 404) return "not_now";
      } catch {
        // The network is away; so is the socket, and both come back.
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return "gone";
  }
}
