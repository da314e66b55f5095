// Of all the tabs of one person, one at a time has the turn. It passes on when that tab is closed, gives it up, or
// stands behind another: a tab in the background may be asleep, and would keep everybody waiting.

export class Turn {
  /**
   * @param {string} name what the turn is about; the same in all tabs
   * @param {() => void} onTurn it is ours now
   */
  constructor(name, onTurn) {
    this.#name = name;
    this.#onTurn = onTurn;
  }

  isMine = false;
  #name;
  #onTurn;
  /** Ends what we asked for. @type {AbortController | null} */
  #asked = null;

  /** Ask for it; at once, where we are in front. */
  ask() {
    if (this.#asked) return;
    document.addEventListener("visibilitychange", this.#looked);
    this.#stand(!document.hidden);
  }

  giveUp() {
    document.removeEventListener("visibilitychange", this.#looked);
    this.#asked?.abort();
    this.#asked = null;
    this.isMine = false;
  }

  #looked = () => {
    if (document.hidden || this.isMine) return;
    this.#asked?.abort();
    this.#stand(true);
  };

  /** @param {boolean} isInFront then it is taken from whoever has it */
  #stand(isInFront) {
    const asked = new AbortController();
    this.#asked = asked;
    // Without locks, on an insecure page, every tab has the turn. That sends more than needed and harms nothing.
    if (!navigator.locks) return this.#take();
    const how = isInFront ? { steal: true } : { signal: asked.signal };
    const held = navigator.locks.request(this.#name, how, () => this.#keep(asked));
    held.catch((error) => (error.name === "AbortError" ? this.#robbed(asked) : this.#take()));
  }

  /** @param {AbortController} asked @returns {Promise<void>} until we give it up */
  #keep(asked) {
    return new Promise((resolve) => {
      if (asked.signal.aborted) return resolve();
      asked.signal.addEventListener("abort", () => resolve());
      this.#take();
    });
  }

  #take() {
    this.isMine = true;
    this.#onTurn();
  }

  /** Another tab came to the front: queue behind it. @param {AbortController} asked */
  #robbed(asked) {
    if (asked.signal.aborted || this.#asked !== asked) return;
    this.isMine = false;
    this.#stand(false);
  }
}
