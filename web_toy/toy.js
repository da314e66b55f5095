// A toy: switched on with a licence, it finds out who it is, keeps a socket, and does what the frames on it say.

import { Link } from "../web_common/link.js";
import { Outbox } from "../web_common/outbox.js";
import { Answer } from "./answer.js";
import { ShownClaim } from "./claim.js";
import { Diary, frameWords } from "./diary.js";
import { next } from "./life.js";
import { Mail } from "./mail.js";
import { Papers } from "./papers.js";
import { TurnedAway } from "./power.js";
import { isRest } from "./rest.js";
import { wipe } from "./traces.js";
import { Voice } from "./voice.js";

/** @typedef {import("../web_common/link.js").Frame} Frame */
/** @typedef {import("./life.js").LifeEvent} LifeEvent */
/** @typedef {import("./power.js").Boot} Boot */
/** @typedef {import("../web_common/types.js").ToySettings} ToySettings */
/** Why it switched itself off. @typedef {"" | "replaced" | "refused" | "insecure"} Reason */

/** An absence that is over sooner is not spoken of, in milliseconds. */
const SAY_AWAY_AFTER = 3_000;
const TICK = 1_000;

export class Toy {
  /**
   * @param {import("./sound.js").Sound} sound
   * @param {import("./prompts.js").Prompts} prompts
   * @param {() => void} changed something that is shown is different now
   */
  constructor(sound, prompts, changed) {
    this.sound = sound;
    this.#prompts = prompts;
    this.changed = changed;
    this.voice = new Voice(sound, prompts, {
      changed,
      heard: (id, what) => (what === "song" ? this.mail.sung(id) : this.mail.heard(id)),
      left: (message) => this.mail.putBack(message),
      broken: (id) => this.mail.broken(id),
    });
    this.mail = this.#newMail();
    this.claim = new ShownClaim(changed);
    setInterval(() => this.#lookAtClock(), TICK);
  }

  /** @type {import("./life.js").LifeState} */
  state = "off";
  /** @type {Reason} */
  reason = "";
  /** Known as soon as it is switched on. */
  deviceId = "";
  /** What the family calls it. */
  name = "";
  /** @type {ToySettings | null} */
  settings = null;
  /** Is it a time of rest? Also while it is away. */
  rests = false;
  diary = new Diary();
  /** @type {Link | null} */
  link = null;
  /** @type {Answer | null} */
  answer = null;

  #prompts;
  /** Other ones each time it is switched on; what began with the old ones ends there. @type {Papers | null} */
  #papers = null;
  /** @type {number | undefined} */
  #awayTimer;

  // ── the switch ──

  /** From a click, so that it may be heard. @param {string} licence @param {boolean} keep remember it in this browser */
  async switchOn(licence, keep) {
    if (this.state !== "off") return;
    this.sound.wake();
    this.reason = "";
    this.diary.clear();
    this.#happens("switched_on");
    const papers = (this.#papers = new Papers(licence, keep));
    await papers.read();
    if (this.#papers !== papers) return; // switched off meanwhile
    this.deviceId = papers.deviceId;
    const link = new Link(() => this.#admit(papers));
    this.link = link;
    this.answer = new Answer(this, new Outbox(link));
    this.#listen(link);
    link.start();
  }

  switchOff() {
    this.#leave("switched_off");
  }

  /** Somebody pressed the lamp. */
  press() {
    this.sound.wake();
    this.mail.press();
  }

  /** Say a prompt, unless everybody sleeps. @param {string} name @param {string} [url] */
  speak(name, url) {
    if (!this.rests) this.voice.say(name, url);
  }

  // ── who we are ──

  /** @param {Papers} papers @returns {Promise<{ url: string, hello: Record<string, unknown> }>} */
  async #admit(papers) {
    const boot = await papers.show();
    if (this.#papers !== papers) throw new TurnedAway("switched off meanwhile");
    if (!papers.boot) this.#become(papers, boot);
    if (boot.state === "unlicensed") throw new TurnedAway("unlicensed");
    return { url: boot.ws_url, hello: { token: boot.token } };
  }

  /** @param {Papers} papers @param {Boot} boot */
  #become(papers, boot) {
    papers.take(boot);
    this.#belong(boot.toy?.id ?? "");
    if (boot.state === "unlicensed") this.#happens("unlicensed");
    if (boot.state === "unbound") this.#happens("no_family");
    if (boot.toy) this.#comeHome(boot.toy);
    if (boot.claim) this.claim.show(boot.claim, boot.token);
    else this.claim.hide();
    if (papers.isNews()) this.speak(boot.prompt.name, boot.prompt.url);
    void this.#prompts.keep();
  }

  /** What we are in our family, if we have one. What another one left goes first. @param {string} toyId empty for none */
  #belong(toyId) {
    const before = this.#papers?.belong(toyId);
    if (before) this.#loseFamily(before);
  }

  /** @param {{ id: string, name: string, settings: ToySettings }} toy */
  #comeHome({ id, name, settings }) {
    this.name = name;
    this.#happens("family");
    this.#obey(settings);
    this.mail.open(id);
    void this.answer?.open(id);
  }

  /** The token with which we waited is good for everything now, and so is the socket. @param {Frame} bound */
  #bound({ id, name, settings }) {
    const papers = this.#papers;
    if (papers?.boot?.state !== "unbound") return;
    papers.boot = { ...papers.boot, state: "ready" };
    this.claim.hide();
    this.#belong(id);
    this.#comeHome({ id, name: name ?? "", settings });
    void this.mail.findAddressee();
    if (papers.isNews()) this.speak("bound"), this.speak("ready");
  }

  // ── the socket ──

  /** @param {Link} link */
  #listen(link) {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ take) =>
      link.addEventListener(type, (event) => {
        if (this.link === link) take(/** @type {CustomEvent} */ (event).detail);
      });
    on("state", (state) => (state === "away" ? this.#lost() : this.changed()));
    on("ended", (code) => this.#ended(code));
    on("frame", (frame) => {
      this.diary.note(`← ${frameWords(frame)}`);
      this.changed();
    });
    on("frame:welcome", (frame) => this.#welcomed(frame));
    on("frame:voice", (frame) => this.mail.take(frame));
    on("frame:text", (frame) => this.mail.take(frame));
    on("frame:play", (frame) => this.voice.play(/** @type {any} */ (frame)));
    on("frame:stop", () => this.voice.stopSong());
    on("frame:notice", (frame) => this.#noticed(frame));
    on("frame:failed", () => this.speak("failed"));
  }

  /** @param {Frame} frame */
  #welcomed(frame) {
    this.#papers?.welcomed();
    clearTimeout(this.#awayTimer);
    this.#belong(frame.settings ? frame.id : "");
    if (!frame.settings) return this.#happens("no_family");
    if (this.#papers?.boot?.state === "unbound") return this.#bound(frame); // it happened while we were away
    this.#comeHome({ id: frame.id, name: frame.name, settings: frame.settings });
    this.mail.welcomed();
    void this.mail.findAddressee();
  }

  /** @param {Frame} notice */
  #noticed(notice) {
    if (notice.event === "bound") this.#bound(notice);
    if (notice.event === "settings" && notice.settings) this.#obey(notice.settings);
    if (notice.event === "settings" && notice.name) this.name = notice.name;
    if (notice.event === "deleted" && notice.id) this.mail.drop(notice.id);
    if (notice.event === "unbound") this.#belong(""); // the socket ends now, and then we ask anew who we are
  }

  /** What the family said is theirs, also what is on the disk. @param {string} toyId what we were there */
  #loseFamily(toyId) {
    void this.answer?.close().then(() => wipe(toyId));
    this.#forgetMail();
    this.settings = null;
    this.name = "";
    this.sound.cap = 100;
    this.#lookAtClock();
  }

  #lost() {
    if (this.state !== "away") {
      clearTimeout(this.#awayTimer);
      this.#awayTimer = setTimeout(() => this.#sayAway(), SAY_AWAY_AFTER);
    }
    this.#happens("lost");
  }

  #sayAway() {
    if (this.state === "away") this.speak(navigator.onLine ? "server_away" : "no_connection");
  }

  /** @param {number} code of the socket's end; 0 when we ended it ourselves */
  #ended(code) {
    if (code) this.diary.note(`closed ${code}`);
    if (code === 4409) return this.#leave("parted", "replaced");
    if (this.state === "unlicensed") return;
    if (code === 0 || !this.#papers?.mayAskAgain()) return this.#leave("parted", this.#papers?.refusal);
    this.link?.restart();
  }

  /** False when there is no socket. @param {Frame} frame */
  #say(frame) {
    const isSaid = this.link?.send(frame) ?? false;
    if (isSaid) this.diary.note(`→ ${frameWords(frame)}`);
    return isSaid;
  }

  // ── what the family wants ──

  /** @param {ToySettings} settings */
  #obey(settings) {
    this.settings = settings;
    this.sound.cap = settings.volume_cap;
    this.#lookAtClock();
    this.changed();
  }

  #lookAtClock() {
    const rests = isRest(this.settings, Date.now(), this.state === "away");
    const event = rests ? "rest_began" : "rest_ended";
    if (next(this.state, event) !== this.state) this.#happens(event);
    if (rests === this.rests) return;
    this.rests = rests;
    if (rests) this.voice.stopSong(), this.mail.rest();
    else this.mail.wake();
    this.changed();
  }

  // ── inside ──

  #newMail() {
    return new Mail(this.voice, {
      say: (frame) => this.#say(frame),
      token: () => this.#papers?.boot?.token ?? "",
      autoplay: () => this.settings?.autoplay ?? true,
      rests: () => this.rests,
      changed: () => this.changed(),
    });
  }

  #forgetMail() {
    this.voice.silence();
    this.mail.end();
    this.mail = this.#newMail();
  }

  /** @param {LifeEvent} event @param {Reason} reason */
  #leave(event, reason = "") {
    clearTimeout(this.#awayTimer);
    this.claim.hide();
    const { link } = this;
    void this.answer?.close();
    this.#forgetMail();
    this.link = this.answer = this.#papers = this.settings = null;
    link?.stop();
    this.name = "";
    this.rests = false;
    this.reason = reason;
    this.#happens(event);
  }

  /** @param {LifeEvent} event */
  #happens(event) {
    const state = next(this.state, event);
    if (state !== this.state) this.diary.note(`${this.state} ⇒ ${state}`);
    this.state = state;
    this.changed();
  }
}
