// Who the toy is, from one switching on to the next switching off: its licence, what the server said to it, and what it
// is in its family.

import { becomeToy, isToyNow, keepToy, toyOf } from "./licences.js";
import { deviceId, powerOn, TurnedAway } from "./power.js";

/** @typedef {import("./power.js").Boot} Boot */

export class Papers {
  /** @param {string} licence @param {boolean} keep remember it in this browser */
  constructor(licence, keep) {
    this.#licence = licence;
    this.#keep = keep;
    becomeToy(licence);
    this.toyId = toyOf(licence);
  }

  /** What the server said last; null when it has to be asked. @type {Boot | null} */
  boot = null;
  deviceId = "";
  /** In its family, empty without one; at first what it was there before it was switched off. */
  toyId;
  /** Why the server wants nothing of us, when it does. @type {"refused" | "insecure"} */
  refusal = "refused";

  #licence;
  #keep;
  /** Our token was refused, and nobody has let us in since. */
  #wasTurnedAway = false;
  #greetedAs = "";

  /** The name of the device, which everybody may know. */
  async read() {
    this.deviceId = await deviceId(this.#licence);
  }

  /** Ask the server who we are, where we do not know. Throws as `powerOn` does. */
  async show() {
    try {
      return this.boot ?? (await powerOn(this.#licence));
    } catch (error) {
      if (error instanceof TurnedAway) this.refusal = error.reason;
      throw error;
    }
  }

  /** This is what it said. @param {Boot} boot */
  take(boot) {
    this.boot = boot;
    if (this.#keep && boot.state !== "unlicensed") keepToy({ licence: this.#licence, device_id: this.deviceId });
  }

  /**
   * What we are in our family now; empty for none.
   * @param {string} toyId
   * @returns {string} what we were in another one, whose things have to go; else empty
   */
  belong(toyId) {
    const before = this.toyId;
    this.toyId = toyId;
    isToyNow(this.#licence, toyId);
    return before === toyId ? "" : before;
  }

  /** Is this news to those around us? Another token alone is not. */
  isNews() {
    const before = this.#greetedAs;
    this.#greetedAs = `${this.boot?.state} ${this.toyId}`;
    return before !== this.#greetedAs;
  }

  /** The socket was let in. */
  welcomed() {
    this.#wasTurnedAway = false;
  }

  /** The token was refused. Does it make sense to ask for another one? */
  mayAskAgain() {
    const may = !this.#wasTurnedAway;
    this.#wasTurnedAway = true;
    this.boot = null;
    return may;
  }
}
