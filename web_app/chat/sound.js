// The voices of a chat in the page's player: one leads to the next that nobody has heard yet.

import { Problem, here } from "../../web_common/api.js";
import { toastProblem } from "../../web_common/toast.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("./thread.js").Thread} Thread */
/** @typedef {import("./listening.js").Listening} Listening */

export class Sound {
  /** @param {App} app @param {Thread} thread @param {Listening} listening */
  constructor(app, thread, listening) {
    this.#app = app;
    this.#thread = thread;
    const { signal } = this.#until;
    const detail = (/** @type {Event} */ event) => /** @type {CustomEvent} */ (event).detail;
    app.player.addEventListener("heard", (event) => listening.heard(detail(event)), { signal });
    app.player.addEventListener("ended", (event) => void this.#ended(detail(event)), { signal });
    app.player.addEventListener("failed", (event) => this.#failed(detail(event)), { signal });
  }

  #app;
  #thread;
  #until = new AbortController();
  /** A message on the server that was loaded when the rows changed the last time. @type {string | null} */
  #played = null;

  /** Whoever leaves the chat does not want to hear it any longer. */
  close() {
    this.#until.abort();
    if (this.#isHere(this.#app.player.id)) this.#app.player.stop();
  }

  /** @param {Row} row */
  async play({ key, voice }) {
    const url = voice?.url;
    if (!url) return;
    const address = url.startsWith("blob:") ? url : here(url);
    await this.#app.attempt(() => this.#app.player.toggle(key, address, voice.duration_ms ?? 0));
  }

  /** @param {Row} row @param {number} share from 0 to 1 */
  async seek(row, share) {
    const { player } = this.#app;
    if (player.id !== row.key) await this.play(row);
    if (player.id === row.key) player.seek(share);
  }

  /** The rows are other ones: of a message that is gone, nobody hears the rest. */
  follow() {
    const { player } = this.#app;
    const isRow = this.#thread.rows.some((row) => row.key === player.id);
    if (!isRow && player.id !== null && player.id === this.#played) player.stop();
    this.#played = isRow ? player.id : null;
  }

  /** One after the other, those that nobody has heard. @param {string} key */
  async #ended(key) {
    const { rows } = this.#thread;
    const place = rows.findIndex((row) => row.key === key);
    const row = rows[place];
    if (!row || row.isMine) return;
    const next = rows.slice(place + 1).find((one) => one.voice?.url && !one.isMine && one.state !== "heard");
    if (next) await this.play(next);
  }

  /** @param {string} key */
  #failed(key) {
    if (this.#isHere(key)) toastProblem(new Problem("not_playable"));
  }

  /** @param {string | null} key */
  #isHere(key) {
    return key !== null && [...this.#thread.rows, ...this.#thread.pending].some((row) => row.key === key);
  }
}
