// The family's contacts and the requests that wait, and answering these: for a screen that shows some of them.

import { get, post, remove } from "../../web_common/api.js";
import { repeat } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";
import { contactRow, shownName } from "./contact.js";
import { incomingView, outgoingView } from "./requests.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Contact} Contact */

const t = texts({
  en: { agreed: "You can talk with {name} now.", agreed_toy: "{toy} can talk with {name} now." },
  zh: { agreed: "现在可以和{name}说话了。", agreed_toy: "{toy}现在可以和{name}说话了。" },
});

const NEWS = new Set(["bound", "unbound", "contact_request", "contact_accepted"]);

export class Contacts {
  /** @param {App} app @param {() => unknown} [alongside] reads, at the same times, what else the screen shows */
  constructor(app, alongside = () => {}) {
    this.#app = app;
    this.#alongside = alongside;
  }

  #app;
  #alongside;
  #isBusy = false;
  /** Of every side of ours; null until they are known. @type {Contact[] | null} */
  all = null;

  open() {
    this.#app.link.addEventListener("frame:notice", this.#noticed);
    this.#app.link.addEventListener("frame:welcome", this.#load);
    return this.#load();
  }

  close() {
    this.#app.link.removeEventListener("frame:notice", this.#noticed);
    this.#app.link.removeEventListener("frame:welcome", this.#load);
  }

  /** Of others, which wait for us. @param {Contact[]} some */
  incoming = (some) => incomingView(some.filter((one) => one.state === "asked" && !one.asked_by_us), this.#deeds);
  /** Ours, which wait for others. @param {Contact[]} some */
  outgoing = (some) => outgoingView(some.filter((one) => one.state === "asked" && one.asked_by_us), this.#deeds);
  /** Items of a list. @param {Contact[]} agreed */
  rows = (agreed) => repeat(agreed, (one) => one.id, (one) => contactRow(this.#app, one, this.#again));

  #noticed = (/** @type {Event} */ event) => {
    if (NEWS.has(/** @type {CustomEvent} */ (event).detail.event)) void this.#load();
  };

  #load = async () => {
    await Promise.all([this.#read(), this.#alongside()]);
    this.#app.changed();
  };

  async #read() {
    try {
      this.all = (await get("/contacts")).contacts;
    } catch {
      // The server is away, which the frame shows; it comes with the next welcome.
    }
  }

  #again = () => Promise.all([this.#load(), this.#app.family.load()]);

  get #deeds() {
    return {
      app: this.#app,
      isBusy: this.#isBusy,
      accept: this.#accept,
      end: (/** @type {Contact} */ one) => void this.#do(() => remove(`/contacts/${one.id}`)),
    };
  }

  /** @param {Contact} contact */
  #accept = async (contact) => {
    if (!(await this.#do(() => post(`/contacts/${contact.id}/accept`)))) return;
    const name = shownName(contact);
    toast(contact.for.id === this.#app.myId ? t("agreed", { name }) : t("agreed_toy", { name, toy: contact.for.name }));
  };

  /** @param {() => Promise<unknown>} deed */
  async #do(deed) {
    this.#isBusy = true;
    this.#app.changed();
    const isDone = await this.#app.attempt(deed);
    this.#isBusy = false;
    await this.#again();
    return isDone;
  }
}
