// What the app knows of the family: its toys and its conversations, kept right by what the socket says.

import { get } from "../web_common/api.js";
import { Heard } from "./heard.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("../web_common/types.js").Toy} Toy */
/** @typedef {import("../web_common/types.js").Conversation} Conversation */
/** @typedef {import("../web_common/types.js").Frame} Frame */

/** Presence is asked for again this often while somebody looks, in milliseconds. */
const LOOK_AGAIN = 30_000;
/** So long after a message came the counts are read, with those that came meanwhile; in milliseconds. */
const SOON = 120;
/** So long after we told the server what we heard, it has counted; in milliseconds. */
const COUNTED = 800;

export class Family {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#heard = new Heard(app.link);
  }

  /** @type {Toy[]} */
  toys = [];
  /** The latest first. @type {Conversation[]} */
  conversations = [];
  /** Open requests of other families that wait for us. */
  requests = 0;
  isLoaded = false;
  /** Messages known here already; the server repeats what it is not sure of. @type {Set<string>} */
  #known = new Set();
  /** @type {Promise<void> | null} */
  #reading = null;
  /** @type {Promise<void> | null} */
  #next = null;
  /** @type {number | undefined} */
  #soon;
  /** @type {number | undefined} */
  #counted;
  /** @type {number | undefined} */
  #clock;
  #heard;
  #until = new AbortController();
  #app;

  /** From now on, follow the socket. Once in the life of a family. */
  listen() {
    const { link } = this.#app;
    const { signal } = this.#until;
    const on = (/** @type {string} */ type, /** @type {(frame: Frame) => void} */ take) =>
      link.addEventListener(`frame:${type}`, (event) => take(/** @type {CustomEvent} */ (event).detail), { signal });
    on("welcome", () => this.#cameBack());
    on("voice", (frame) => this.#arrived(frame));
    on("text", (frame) => this.#arrived(frame));
    on("notice", (frame) => this.#noticed(frame));
    this.#clock = setInterval(() => {
      if (!document.hidden && link.state === "open") void this.load();
    }, LOOK_AGAIN);
  }

  /** Nobody looks at it any more. */
  close() {
    this.#until.abort();
    clearInterval(this.#clock);
    clearTimeout(this.#soon);
    clearTimeout(this.#counted);
  }

  /** All of it again. Whoever asks while it is being read gets the next reading, which they share. @returns {Promise<void>} */
  load() {
    if (this.#reading) return (this.#next ??= this.#reading.then(() => ((this.#next = null), this.load())));
    this.#reading = this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read() {
    try {
      const [{ toys }, { conversations }, { contacts }] = await Promise.all([get("/toys"), get("/conversations"), get("/contacts")]);
      this.toys = toys;
      this.conversations = conversations;
      this.requests = contacts.filter((/** @type {any} */ one) => one.state === "asked" && !one.asked_by_us).length;
      this.isLoaded = true;
    } catch {
      // The server is away, which the link shows; it comes with the next welcome.
    }
    this.#app.changed();
  }

  /** @param {string} id */
  toy = (id) => this.toys.find((one) => one.id === id) ?? null;
  /** @param {string} id */
  conversation = (id) => this.conversations.find((one) => one.id === id) ?? null;
  get unread() {
    return this.conversations.reduce((sum, one) => sum + one.unread, 0);
  }

  /** How a party or a group is drawn: what we chose for our toys, else what its id gives. @param {{ id: string, name: string, kind: string }} one */
  face(one) {
    const toy = this.toy(one.id);
    return { id: one.id, name: one.name, kind: one.kind, picture: toy?.picture ?? "", colour: toy?.colour ?? "" };
  }

  /**
   * The reader has heard, or read, a message. The server learns it, however long the connection is away.
   * @param {string} conversationId
   * @param {string} messageId
   */
  heard(conversationId, messageId) {
    const found = this.conversation(conversationId);
    if (found && found.unread > 0) found.unread -= 1;
    this.#heard.tell(messageId);
    this.#countAgain();
    this.#app.changed();
  }

  #cameBack() {
    if (this.#heard.again()) this.#countAgain();
    void this.load();
  }

  /** An answer that was on its way meanwhile may not count it yet. */
  #countAgain() {
    clearTimeout(this.#counted);
    this.#counted = setTimeout(() => void this.load(), COUNTED);
  }

  /** @param {Frame} frame */
  #arrived(frame) {
    // Safe with us: it is on the server, and this page shows what is there.
    this.#app.link.send({ type: "ack", id: frame.id });
    if (this.#known.has(frame.id)) return;
    this.#known.add(frame.id);
    // Many come at once to whoever was away for long.
    this.#soon ??= setTimeout(() => ((this.#soon = undefined), void this.load()), SOON);
  }

  /** @param {Frame} frame */
  #noticed(frame) {
    if (["bound", "unbound", "settings", "contact_request", "contact_accepted", "deleted"].includes(frame.event)) void this.load();
  }
}
