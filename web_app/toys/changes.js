// What is being changed of a toy: shown at once, sent soon after, and taken back when the server refuses.

import { patch } from "../../web_common/api.js";
import { toastProblem } from "../../web_common/toast.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */
/** @typedef {import("../../web_common/types.js").ToySettings} ToySettings */
/** @typedef {Partial<Pick<Toy, "name" | "child_name" | "picture" | "colour"> & Omit<ToySettings, "quiet_until">>} Change */

/** Several quick touches go as one, and a toy does not fall asleep while a time is typed. In milliseconds. */
const SOON = 600;
/** How long it is said that everything is kept, in milliseconds. */
const SAID = 2_500;
const LOOKS = /** @type {const} */ (["name", "child_name", "picture", "colour"]);

export class Changes {
  /** @param {App} app @param {string} id of the toy */
  constructor(app, id) {
    this.#app = app;
    this.#id = id;
  }

  #app;
  #id;
  /** Not sent yet. @type {Change} */
  #waiting = {};
  /** Sent and not answered. @type {Change} */
  #sent = {};
  #isSending = false;
  /** @type {number | undefined} */
  #timer;
  /** What is to be said of it. @type {"" | "saving" | "saved"} */
  state = "";

  /** The toy as it will be; null for one that is not ours. @returns {Toy | null} */
  get toy() {
    const toy = this.#app.family.toy(this.#id);
    if (!toy) return null;
    /** @type {Change} */
    const change = { ...this.#sent, ...this.#waiting };
    const looks = Object.fromEntries(LOOKS.filter((key) => key in change).map((key) => [key, change[key]]));
    const settings = Object.fromEntries(Object.entries(change).filter(([key]) => !(key in looks)));
    return { ...toy, ...looks, settings: { ...toy.settings, ...settings } };
  }

  /** @param {Change} change */
  make(change) {
    Object.assign(this.#waiting, change);
    this.#say("saving");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.send(), SOON);
  }

  /** Everything that waits, now. */
  async send() {
    clearTimeout(this.#timer);
    if (this.#isSending) return; // whoever sends takes what came meanwhile along
    this.#isSending = true;
    while (Object.keys(this.#waiting).length) await this.#sendOnce();
    this.#isSending = false;
  }

  async #sendOnce() {
    [this.#sent, this.#waiting] = [this.#waiting, {}];
    try {
      this.keep(await patch(`/toys/${this.#id}`, this.#sent));
      this.#say("saved");
    } catch (error) {
      toastProblem(error);
      this.#say("");
    }
    this.#sent = {};
    this.#app.changed();
  }

  /** The server's newest word of this toy. @param {Toy} toy */
  keep(toy) {
    const { family } = this.#app;
    family.toys = family.toys.map((one) => (one.id === toy.id ? toy : one));
    this.#app.changed();
  }

  /** @param {"" | "saving" | "saved"} state */
  #say(state) {
    this.state = state;
    if (state === "saved") setTimeout(() => this.state === "saved" && this.#say(""), SAID);
    this.#app.changed();
  }
}
