// The toy's answer: held like the button of the app, sent to whoever spoke last.

import { Talk } from "../web_common/talk.js";

/** What there is to say of a recording; `nobody`: there is nobody whom it could go to.
 * @typedef {import("../web_common/talk.js").Said | "nobody"} Remark */
/** @typedef {import("../web_common/recorder.js").Recording} Recording */
/** @typedef {import("../web_common/outbox.js").Outbox} Outbox */
/** @typedef {import("./mail.js").Addressee} Addressee */

const MOST_SECONDS = 120;
/** What is said of a recording stays for so long, in milliseconds. */
const SAID_MS = 6_000;

export class Answer {
  /** @param {import("./toy.js").Toy} toy @param {Outbox} outbox */
  constructor(toy, outbox) {
    this.#toy = toy;
    this.#outbox = outbox;
    this.talk = new Talk(() => toy.link?.welcome?.max_audio_seconds ?? MOST_SECONDS);
    this.talk.addEventListener("change", () => this.#turned());
    this.talk.addEventListener("tick", () => toy.changed());
    this.talk.addEventListener("said", (event) => this.#remark(/** @type {CustomEvent} */ (event).detail));
    this.talk.addEventListener("recorded", (event) => this.#send(/** @type {CustomEvent} */ (event).detail));
    outbox.addEventListener("accepted", () => this.#tell("sent"));
    outbox.addEventListener("change", () => this.#lookForRefused());
  }

  /** @type {Remark | null} */
  said = null;
  /** Whom it goes to, from the moment at which it begins. @type {Addressee | null} */
  whom = null;
  /** Refused ones that were told, and are on their way out. @type {Set<string>} */
  #told = new Set();

  #toy;
  #outbox;
  #isOpen = false;
  /** @type {number | undefined} */
  #timer;

  get isRecording() {
    return this.talk.state !== "idle";
  }

  /** From now on it may speak, and says what it could not say before it was switched off. @param {string} toyId */
  async open(toyId) {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.talk.open();
    await this.#outbox.open(toyId);
  }

  /** What is being recorded is discarded; what waits stays for the next time. */
  async close() {
    clearTimeout(this.#timer);
    if (this.#isOpen) this.talk.close();
    this.#isOpen = false;
    this.#toy.voice.hush(false);
    await this.#outbox.close();
  }

  /** Somebody wants to speak, and it is not known to whom. */
  lookForSomebody = async () => {
    const { mail } = this.#toy;
    await mail.findAddressee();
    if (!mail.lastFrom) this.#remark("nobody");
    else if (this.said === "nobody") this.#unsay();
  };

  #turned() {
    if (this.isRecording) this.whom ??= this.#toy.mail.lastFrom;
    // It must not hear itself.
    this.#toy.voice.hush(this.isRecording && this.talk.state !== "kept");
    this.#toy.changed();
  }

  /** @param {Remark} said */
  #remark(said) {
    if (said === "started") this.#toy.sound.tone("up");
    if (said === "sent" || said === "full") this.#toy.sound.tone("down");
    if (!this.isRecording && said !== "sent") this.whom = null;
    this.said = said;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#unsay(), SAID_MS);
    this.#toy.changed();
  }

  #unsay() {
    this.said = null;
    this.#toy.changed();
  }

  /** @param {Recording} recording */
  #send({ blob, durationMs, waveform }) {
    const whom = this.whom ?? this.#toy.mail.lastFrom;
    this.whom = null;
    if (!whom) return this.#tell("failed"); // its family left while it spoke
    const { name, ...to } = whom;
    void this.#outbox.put({ ...to, audio: blob, duration_ms: durationMs, waveform });
  }

  /** What the server refused once it will refuse again, and a toy has no list to look at. */
  #lookForRefused() {
    const refused = this.#outbox.failed().filter(({ ref }) => !this.#told.has(ref));
    for (const { ref } of refused) {
      this.#told.add(ref);
      void this.#outbox.discard(ref).then(() => this.#told.delete(ref));
    }
    if (refused.length) this.#tell("failed");
  }

  /** @param {"sent" | "failed"} how */
  #tell(how) {
    this.#toy.diary.note(how);
    this.#toy.speak(how);
  }
}
