// One recording: the microphone is opened for it, and let go after it.

/** @typedef {{ blob: Blob, durationMs: number, waveform: number[] }} Recording `waveform`: 48 bars of 0…100 */
/** @typedef {"mic_denied" | "mic_missing" | "mic_insecure" | "mic_busy" | "mic_unsupported" | "mic_failed"} MicTrouble */
/** @typedef {"hidden" | "microphone"} Interruption the page was hidden, or the system took the microphone away */

export const BARS = 48;
const FORMATS = ["audio/webm;codecs=opus", "audio/mp4"];
/** Plenty for one voice; the longest message stays far below the largest. */
const BITS_PER_SECOND = 48_000;
const LOOK_MS = 50;
/** What the meter shows, in dBFS: from a quiet room to somebody close to the microphone. */
const QUIET_DB = -60;
const LOUD_DB = -12;

/** @type {Record<string, MicTrouble>} */
const BY_NAME = {
  NotAllowedError: "mic_denied",
  SecurityError: "mic_denied",
  NotFoundError: "mic_missing",
  OverconstrainedError: "mic_missing",
  NotReadableError: "mic_busy",
  AbortError: "mic_busy",
};

/** Why there is no recording. */
export class NoMicrophone extends Error {
  /** @param {MicTrouble} code */
  constructor(code) {
    super(code);
    this.name = "NoMicrophone";
    this.code = code;
  }
}

/** Event: `interrupted` (detail: Interruption); what was recorded until then is there for `stop`. */
export class Recorder extends EventTarget {
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {MediaRecorder | null} */
  #recorder = null;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  #samples = new Float32Array(0);
  /** @type {number[]} */
  #levels = [];
  /** @type {Blob[]} */
  #parts = [];
  #timer = 0;
  #startedAt = 0;
  #endedAt = 0;
  #isOver = false;
  /** @type {Promise<unknown>} */
  #written = Promise.resolve();

  /** How loud it is now, from 0 to 1. */
  level = 0;

  /** Milliseconds recorded so far. */
  get ms() {
    return this.#startedAt ? (this.#endedAt || performance.now()) - this.#startedAt : 0;
  }

  /** Open the microphone and record. False when it was cancelled meanwhile. Throws NoMicrophone. */
  async start() {
    if (!navigator.mediaDevices) throw new NoMicrophone(window.isSecureContext ? "mic_unsupported" : "mic_insecure");
    if (!("MediaRecorder" in window)) throw new NoMicrophone("mic_unsupported");
    const stream = await openMicrophone();
    this.#stream = stream;
    if (this.#isOver) {
      this.#letGo();
      return false;
    }
    try {
      this.#record(stream);
    } catch {
      this.cancel();
      throw new NoMicrophone("mic_failed");
    }
    this.#listen(stream);
    return true;
  }

  /** End it. Null when nothing was recorded. @returns {Promise<Recording | null>} */
  async stop() {
    const durationMs = Math.round(this.ms);
    this.#halt();
    await this.#written;
    const type = this.#recorder?.mimeType || this.#parts[0]?.type || "";
    const blob = new Blob(this.#parts, { type });
    return blob.size ? { blob, durationMs, waveform: barsOf(this.#levels) } : null;
  }

  /** End it and forget it; also while the microphone is still being opened. */
  cancel() {
    if (this.#recorder) this.#recorder.ondataavailable = null;
    this.#halt();
    this.#parts = [];
  }

  /** @param {MediaStream} stream */
  #record(stream) {
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder = recorder;
    recorder.ondataavailable = ({ data }) => void (data.size && this.#parts.push(data));
    this.#written = new Promise((resolve) => recorder.addEventListener("stop", resolve));
    recorder.onerror = () => this.#interrupt("microphone");
    recorder.start();
    this.#startedAt = performance.now();
    for (const track of stream.getAudioTracks()) {
      // A phone call mutes the microphone, or ends it; so does pulling it out.
      track.onmute = track.onended = () => this.#interrupt("microphone");
    }
    document.addEventListener("visibilitychange", this.#looked);
  }

  /** Watch how loud it is. A recording does not need it. @param {MediaStream} stream */
  #listen(stream) {
    try {
      this.#context = new AudioContext();
      this.#analyser = new AnalyserNode(this.#context, { fftSize: 2048 });
      this.#context.createMediaStreamSource(stream).connect(this.#analyser);
      void this.#context.resume();
    } catch {
      this.#analyser = null;
    }
    this.#samples = new Float32Array(this.#analyser?.fftSize ?? 0);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  #look() {
    this.#analyser?.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, one) => sum + one * one, 0) / (this.#samples.length || 1);
    this.#levels.push(Math.sqrt(power));
    const db = 10 * Math.log10(power || 1e-12);
    this.level = Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  }

  #looked = () => {
    if (document.hidden) this.#interrupt("hidden");
  };

  /** @param {Interruption} why */
  #interrupt(why) {
    if (this.#isOver) return;
    this.#halt();
    this.dispatchEvent(new CustomEvent("interrupted", { detail: why }));
  }

  #halt() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endedAt = performance.now();
    this.level = 0;
    if (this.#recorder && this.#recorder.state !== "inactive") this.#recorder.stop();
    this.#letGo();
  }

  #letGo() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#looked);
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onmute = track.onended = null;
      track.stop();
    }
    void this.#context?.close();
    this.#context = this.#stream = null;
  }
}

/**
 * Levels as bars: the root mean square of each part, the loudest 100. All 0 for silence.
 * @param {number[]} levels
 */
export function barsOf(levels) {
  const parts = Array.from({ length: BARS }, (_, bar) => {
    const from = Math.floor((bar * levels.length) / BARS);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * levels.length) / BARS));
    const part = levels.slice(from, to);
    return Math.sqrt(part.reduce((sum, one) => sum + one * one, 0) / (part.length || 1));
  });
  const loudest = Math.max(...parts);
  return parts.map((part) => (loudest ? Math.round((100 * part) / loudest) : 0));
}

async function openMicrophone() {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new NoMicrophone(BY_NAME[/** @type {Error} */ (error).name] ?? "mic_failed");
  }
}
