// One WebSocket, kept open: connect, say hello, read; when it breaks, wait and do it again.
//
//     connecting ─► open ─► away ─► connecting …        ended: it makes no sense to try again
//
// What the end of a socket means is decided in `#closed`: 4401 and 4403 say that our right is over, 4409 that somebody
// took our place; everything else passes: the server restarts, the network is away, the phone slept.

/** @typedef {"connecting" | "open" | "away" | "ended"} LinkState */
/** @typedef {Record<string, any> & { type: string }} Frame */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
/** How long the handshake and the welcome may take, in milliseconds. */
const PATIENCE = 10_000;
/** A clock that jumps by this much has slept, and the socket with it. Browsers wake hidden tabs once a minute. */
const SLEPT = 90_000;

/**
 * Events: `state` (detail: LinkState), `frame` (detail: Frame, also as `frame:<type>`), `ended` (detail: close code).
 */
export class Link extends EventTarget {
  /**
   * @param {() => Promise<{ url: string, hello: Record<string, unknown> }>} admit where to go and what to say there;
   *   asked anew for every socket. When it throws with `final` set, the link ends with that.
   */
  constructor(admit) {
    super();
    this.#admit = admit;
  }

  /** @type {LinkState} */
  state = "connecting";
  /** What the server said of us; null while there is no socket. @type {Frame | null} */
  welcome = null;

  #admit;
  /** @type {WebSocket | null} */
  #socket = null;
  #wait = FIRST_WAIT;
  /** @type {number | undefined} */
  #timer;
  /** @type {number | undefined} */
  #watch;
  #seenAt = 0;
  #isRunning = false;

  start() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    addEventListener("online", this.#hurry);
    addEventListener("offline", this.#lost);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#seenAt = Date.now();
    this.#watch = setInterval(this.#lookAtClock, 5_000);
    void this.#connect();
  }

  /** Close for good. */
  stop() {
    this.#isRunning = false;
    removeEventListener("online", this.#hurry);
    removeEventListener("offline", this.#lost);
    document.removeEventListener("visibilitychange", this.#hurry);
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
    this.#drop();
    this.#become("away");
  }

  /**
   * Write a frame, and right behind it the audio that belongs to it. False when there is no socket.
   * @param {Record<string, unknown>} frame
   * @param {Blob | ArrayBuffer} [audio]
   */
  send(frame, audio) {
    if (this.state !== "open" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    if (audio) this.#socket.send(audio);
    return true;
  }

  /** Bytes handed to the browser and not yet on the wire. */
  get unsent() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Begin anew at once, as somebody else perhaps. */
  restart() {
    this.#wait = FIRST_WAIT;
    clearTimeout(this.#timer);
    this.#drop();
    if (this.#isRunning) void this.#connect();
  }

  async #connect() {
    this.#become("connecting");
    let admission;
    try {
      admission = await this.#admit();
    } catch (error) {
      if (/** @type {any} */ (error)?.final) this.#end(0);
      else this.#later();
      return;
    }
    if (!this.#isRunning || this.#socket) return;
    const socket = new WebSocket(admission.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const patience = setTimeout(() => socket.close(), PATIENCE);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", ...admission.hello }));
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(data, patience);
    };
    socket.onclose = ({ code }) => {
      clearTimeout(patience);
      if (this.#socket === socket) this.#closed(code);
    };
  }

  /** @param {unknown} data @param {number} patience */
  #receive(data, patience) {
    if (typeof data !== "string") return;
    /** @type {Frame} */
    const frame = JSON.parse(data);
    if (frame.type === "welcome") {
      clearTimeout(patience);
      this.#wait = FIRST_WAIT;
      this.welcome = frame;
      this.#become("open");
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    this.dispatchEvent(new CustomEvent(`frame:${frame.type}`, { detail: frame }));
  }

  /** @param {number} code */
  #closed(code) {
    this.#socket = null;
    this.welcome = null;
    if ([4401, 4403, 4409].includes(code)) this.#end(code);
    else this.#later();
  }

  /** @param {number} code */
  #end(code) {
    this.#become("ended");
    this.dispatchEvent(new CustomEvent("ended", { detail: code }));
  }

  #later() {
    if (!this.#isRunning) return;
    this.#become("away");
    // Not all of those whom a restart threw out at the same moment come back at the same moment.
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.5 + Math.random()));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  /** Something changed for the better: do not wait any longer. */
  #hurry = () => {
    if (this.state !== "away" || document.hidden) return;
    clearTimeout(this.#timer);
    this.#wait = FIRST_WAIT;
    void this.#connect();
  };

  #lost = () => {
    if (this.state === "open") this.#cut();
  };

  #lookAtClock = () => {
    const slept = Date.now() - this.#seenAt > SLEPT;
    this.#seenAt = Date.now();
    if (slept && this.state === "open") this.#cut();
  };

  /** The socket is as good as dead, and nobody will tell us. */
  #cut() {
    this.#drop();
    this.#later();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.welcome = null;
    socket?.close();
  }

  /** @param {LinkState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
