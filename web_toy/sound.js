// The loudspeaker: the one audio element of the page, how loud it is, how loud it sounds right now, and a soft tone.

/** How a sound came to its end: `paused` by the browser, say by a key of the keyboard; `blocked` until somebody clicks. */
/** @typedef {"ended" | "stopped" | "paused" | "failed" | "blocked"} Ending */

/** How long the browser may take to open the loudspeaker, in milliseconds. */
const PATIENCE = 700;
const TONE_SECONDS = 0.14;
/** Speech has its loudest moments at about a quarter of full scale. */
const SPEECH_GAIN = 4;

export class Sound {
  /** @param {HTMLAudioElement} audio */
  constructor(audio) {
    this.#audio = audio;
    audio.addEventListener("ended", () => this.#settle("ended"));
    audio.addEventListener("error", () => this.#settle("failed"));
    audio.addEventListener("pause", () => {
      if (!audio.ended && !this.#isHushed) this.#settle("paused");
    });
  }

  /** Where the last sound is, or ended, in seconds. */
  position = 0;

  #audio;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  /** @type {GainNode | null} */
  #gain = null;
  #samples = new Float32Array(1024);
  #volume = 1;
  #cap = 100;
  #isHushed = false;
  #loudest = 0;
  /** Counts who wanted something else than before. */
  #asked = 0;
  /** @type {((how: Ending) => void) | null} */
  #resolve = null;

  /** Open the loudspeaker; to be called from a click, without which browsers are silent. */
  wake() {
    if (!this.#context) this.#connect();
    void this.#context?.resume();
  }

  /** What the child chose, 0…1 of what the family allows. */
  get volume() {
    return this.#volume;
  }

  set volume(share) {
    this.#volume = Math.min(1, Math.max(0, share));
    this.#tune();
  }

  /** What the family allows, in percent of everything. @param {number} percent */
  set cap(percent) {
    this.#cap = percent;
    this.#tune();
  }

  /**
   * Play this from its `from`th second on, in place of whatever plays now.
   * @param {string} url
   * @returns {Promise<Ending>}
   */
  async play(url, from = 0) {
    this.stop();
    this.position = from;
    const asked = this.#asked;
    const isOpen = await this.#isOpen();
    if (asked !== this.#asked) return "stopped";
    if (!isOpen) return "blocked";
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#loudest = 0;
      this.#audio.src = url;
      this.#audio.currentTime = from;
      if (!this.#isHushed) this.#start();
    });
  }

  stop() {
    this.#asked += 1;
    this.#settle("stopped");
    this.#audio.pause();
  }

  /** Be silent for a moment, and go on where we were. @param {boolean} isHushed */
  hush(isHushed) {
    this.#isHushed = isHushed;
    if (isHushed) this.#audio.pause();
    else if (this.#resolve) this.#start();
  }

  /** How loud it sounds now, 0…1, whatever the volume. */
  level() {
    if (!this.#analyser || this.#audio.paused) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, one) => sum + one * one, 0) / this.#samples.length;
    const level = Math.min(1, (Math.sqrt(power) / Math.max(this.#audio.volume, 0.05)) * SPEECH_GAIN);
    if (level > this.#loudest) this.#showLoudest(level);
    return level;
  }

  /** A short soft tone, as loud as the rest may be. @param {"up" | "down"} way */
  tone(way) {
    if (this.#context?.state !== "running") return;
    const now = this.#context.currentTime;
    const [tone, loudness] = [this.#context.createOscillator(), this.#context.createGain()];
    tone.frequency.setValueAtTime(way === "up" ? 520 : 700, now);
    tone.frequency.exponentialRampToValueAtTime(way === "up" ? 780 : 470, now + TONE_SECONDS);
    loudness.gain.setValueAtTime(0, now);
    loudness.gain.linearRampToValueAtTime(0.16 * this.#loudness(), now + 0.02);
    loudness.gain.linearRampToValueAtTime(0, now + TONE_SECONDS);
    tone.connect(loudness).connect(this.#context.destination);
    tone.start(now);
    tone.stop(now + TONE_SECONDS);
  }

  #connect() {
    const context = new AudioContext();
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#gain = context.createGain();
    context.createMediaElementSource(this.#audio).connect(this.#analyser).connect(this.#gain).connect(context.destination);
    this.#context = context;
    this.#tune();
  }

  /** While the loudspeaker is closed, a sound would run to its end and nobody would have heard it. */
  async #isOpen() {
    this.wake();
    if (this.#isRunning()) return true;
    await Promise.race([this.#context?.resume(), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    return this.#isRunning();
  }

  #isRunning = () => this.#context?.state === "running";

  #start() {
    this.#audio.play().catch((/** @type {DOMException} */ error) => {
      if (error.name === "NotAllowedError") this.#settle("blocked");
      else if (error.name !== "AbortError") this.#settle("failed");
    });
  }

  /** @param {Ending} how */
  #settle(how) {
    const resolve = this.#resolve;
    if (!resolve) return;
    this.#resolve = null;
    this.position = this.#audio.currentTime;
    resolve(how);
  }

  #loudness = () => (this.#volume * this.#cap) / 100;

  #tune() {
    const wanted = this.#loudness();
    this.#audio.volume = wanted;
    // Where the element's own volume cannot be set, as on an iPhone, the gain does it.
    if (this.#gain) this.#gain.gain.value = Math.abs(this.#audio.volume - wanted) < 0.01 ? 1 : wanted;
  }

  /** What plays is not silence: for whoever watches the element. @param {number} level */
  #showLoudest(level) {
    this.#loudest = level;
    this.#audio.dataset.level = level.toFixed(3);
  }
}
