// The sign in the toy's paws, on which text messages stand: a toy cannot read aloud.
//
// What nobody can see is not read: on a hidden page the texts stay where they are, one behind the other, and are read
// when the page is seen again. Whatever else the toy has to say does not wait for that.

/** A message counts as read when it was shown for so long, in milliseconds, on a page that can be seen. */
const READ_MS = 3_000;
const LONGEST_MS = 12_000;
/** A child reads a letter in about so long. */
const LETTER_MS = 90;
const TICK_MS = 200;

/** @typedef {import("./mail.js").Message} Message */
/** `shown` for so many milliseconds; `goOn` lets come what comes next.
 * @typedef {{ message: Message, onRead: () => void, goOn: () => void, shown: number, isRead: boolean }} Text */

export class Sign {
  /** @param {() => void} [changed] another text stands on it */
  constructor(changed = () => {}) {
    this.#changed = changed;
  }

  #changed;
  /** The first one stands on it, the others wait behind it. @type {Text[]} */
  #texts = [];
  /** Runs until all were shown for long enough. @type {number | undefined} */
  #timer;

  /** What stands on it; it stays until it is pressed away or another one comes. @type {Message | null} */
  get message() {
    return this.#texts[0]?.message ?? null;
  }

  /**
   * Show it when those before it were seen. Resolves when something else may come: it was shown for as long as it takes
   * to read it, or nobody can see it. `onRead` is called as soon as it counts as read.
   * @param {Message} message @param {() => void} onRead
   * @returns {Promise<void>}
   */
  show(message, onRead) {
    return new Promise((goOn) => {
      this.#texts = this.#texts.filter((one) => one.shown < enough(one));
      this.#texts.push({ message, onRead, goOn, shown: 0, isRead: false });
      this.#timer ??= setInterval(() => this.#look(), TICK_MS);
      if (document.hidden) this.#goOn();
    });
  }

  /** Somebody has read it and pressed it away. */
  putAway() {
    const text = this.#texts[0];
    if (text) this.#read(text);
    this.#remove((one) => one === text);
  }

  /** This must not be seen any more; without an id, nothing. @param {string} [id] */
  wipe(id) {
    this.#remove(({ message }) => id === undefined || message.id === id);
  }

  #look() {
    const text = this.#texts[0];
    if (!text || document.hidden) return this.#goOn();
    text.shown += TICK_MS;
    if (text.shown >= READ_MS) this.#read(text);
    if (text.shown < enough(text)) return;
    text.goOn();
    if (this.#texts.length > 1) this.#remove((one) => one === text);
    else this.#rest();
  }

  /** @param {Text} text */
  #read(text) {
    if (text.isRead) return;
    text.isRead = true;
    text.onRead();
  }

  #goOn() {
    for (const one of this.#texts) one.goOn();
  }

  /** @param {(text: Text) => boolean} isIt */
  #remove(isIt) {
    for (const one of this.#texts.filter(isIt)) one.goOn();
    this.#texts = this.#texts.filter((one) => !isIt(one));
    if (!this.#texts.length) this.#rest();
    this.#changed();
  }

  #rest() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** How long it takes to read it, in milliseconds. @param {Text} text */
const enough = ({ message }) => Math.min(LONGEST_MS, Math.max(READ_MS, (message.msg?.length ?? 0) * LETTER_MS));
