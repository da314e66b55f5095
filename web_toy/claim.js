// The code that a toy without a family shows: replaced by a fresh one before it ends.

import { post } from "../web_common/api.js";
import { renewAfter } from "./life.js";

/** @typedef {import("../web_common/types.js").Claim} Claim */

export class ShownClaim {
  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @type {Claim | null} */
  now = null;
  #changed;
  /** @type {number | undefined} */
  #timer;

  /** @param {Claim} claim @param {string} token with which the toy waits */
  show(claim, token) {
    this.now = claim;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renew(claim, token), renewAfter(claim.expires_at, Date.now()));
    this.#changed();
  }

  /** There is a family now, or nobody to show it to. */
  hide() {
    this.now = null;
    clearTimeout(this.#timer);
  }

  /** @param {Claim} old @param {string} token */
  async #renew(old, token) {
    // Without an answer the old code stays, and soon it is time again.
    const fresh = await post("/claims", {}, { token }).catch(() => null);
    if (this.now === old) this.show(fresh ?? old, token);
  }
}
