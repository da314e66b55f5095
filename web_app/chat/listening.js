// What was heard, truthfully: a voice when it was played to its end, a text when its end was seen on a page that
// somebody looks at. The family tells the server.

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./thread.js").Thread} Thread */

export class Listening {
  /** @param {App} app @param {Thread} thread */
  constructor(app, thread) {
    this.#app = app;
    this.#thread = thread;
    addEventListener("focus", this.#look);
    document.addEventListener("visibilitychange", this.#look);
  }

  #app;
  #thread;
  /** Ends of unread texts on the screen. @type {Set<HTMLElement>} */
  #seen = new Set();
  /** @type {IntersectionObserver | null} */
  #sight = null;

  close() {
    removeEventListener("focus", this.#look);
    document.removeEventListener("visibilitychange", this.#look);
    this.#sight?.disconnect();
  }

  /** After the rows were drawn: `data-unread` stands at the end of every text that is not read yet. @param {HTMLElement} place */
  watch(place) {
    this.#sight ??= new IntersectionObserver((entries) => this.#moved(entries), { root: place });
    for (const end of place.querySelectorAll("[data-unread]")) this.#sight.observe(end);
  }

  /** @param {string} key */
  heard(key) {
    const row = this.#thread.find(key);
    if (!row?.id || row.isMine || row.state === "heard") return;
    this.#thread.heard(key);
    this.#app.family.heard(this.#thread.id, row.id);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#seen.add(/** @type {HTMLElement} */ (target));
      else this.#seen.delete(/** @type {HTMLElement} */ (target));
    }
    this.#look();
  }

  #look = () => {
    if (document.hidden || !document.hasFocus()) return;
    for (const end of this.#seen) {
      if (end.isConnected && end.dataset.unread) this.heard(end.dataset.unread);
      this.#seen.delete(end);
      this.#sight?.unobserve(end);
    }
  };
}
