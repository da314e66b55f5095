// What the toy plays, one after the other: prompts and messages in the order in which they came, and a song or a story
// whenever there is nothing else.

import { here } from "../web_common/api.js";
import { Sign } from "./sign.js";

/** @typedef {import("./mail.js").Message} Message */
/** @typedef {{ id: string, title: string, url: string, duration_ms: number, at: number }} Song `at` in seconds */
/** @typedef {{ kind: "prompt", name: string, url?: string } | { kind: "message", message: Message } |
 *   { kind: "text", message: Message } | { kind: "song", song: Song }} Turn */
/**
 * `heard`: this was played to its end. `left`: this message was not, and waits for a press. `broken`: nobody can play it.
 * @typedef {{ changed: () => void, heard: (id: string, what: "message" | "song") => void, left: (message: Message) => void,
 *   broken: (id: string) => void }} Listener
 */

export class Voice {
  /**
   * @param {import("./sound.js").Sound} sound
   * @param {import("./prompts.js").Prompts} prompts
   * @param {Listener} listener
   */
  constructor(sound, prompts, listener) {
    this.#sound = sound;
    this.#prompts = prompts;
    this.#listener = listener;
    this.sign = new Sign(listener.changed);
  }

  /** What it plays, or shows, now. @type {Turn | null} */
  current = null;
  /** What plays when nothing else does. @type {Song | null} */
  song = null;
  isSongPaused = false;

  #sound;
  #prompts;
  #listener;
  /** @type {Turn[]} */
  #queue = [];
  #isRunning = false;
  #isHushed = false;

  /** @param {string} name @param {string} [url] */
  say(name, url) {
    if (!this.#queue.some((turn) => turn.kind === "prompt" && turn.name === name)) this.#add({ kind: "prompt", name, url });
  }

  /** @param {Message} message */
  tell(message) {
    this.#add({ kind: message.sound ? "message" : "text", message });
  }

  /** Is there any message that it plays now or will play? */
  get isTelling() {
    return [this.current, ...this.#queue].some((turn) => turn?.kind === "message" || turn?.kind === "text");
  }

  /** From its beginning, in place of any other. @param {Omit<Song, "at">} song */
  play(song) {
    this.stopSong();
    this.song = { ...song, at: 0 };
    void this.#run();
  }

  stopSong() {
    this.song = null;
    this.isSongPaused = false;
    this.#interruptSong();
  }

  /** @param {boolean} isPaused */
  pauseSong(isPaused) {
    this.isSongPaused = isPaused;
    if (isPaused) this.#interruptSong();
    else void this.#run();
    this.#listener.changed();
  }

  /** Nothing is played while somebody speaks to us. @param {boolean} isHushed */
  hush(isHushed) {
    this.#isHushed = isHushed;
    this.#sound.hush(isHushed);
    if (!isHushed) void this.#run();
  }

  /** The messages that it has not begun with. They are not played any more, nor is any prompt that was to come. */
  takeBack() {
    return this.#queue.splice(0).flatMap((turn) => ("message" in turn ? [turn.message] : []));
  }

  /** This message is gone. @param {string} id */
  drop(id) {
    const is = (/** @type {Turn | null} */ turn) => turn !== null && "message" in turn && turn.message.id === id;
    this.#queue = this.#queue.filter((turn) => !is(turn));
    this.sign.wipe(id);
    if (is(this.current)) this.#sound.stop();
  }

  /** Forget everything that plays or will. */
  silence() {
    this.#queue = [];
    this.song = null;
    this.isSongPaused = false;
    this.sign.wipe();
    this.current = null;
    this.#sound.stop();
  }

  /** @param {Turn} turn */
  #add(turn) {
    this.#queue.push(turn);
    this.#interruptSong();
    void this.#run();
  }

  #interruptSong() {
    if (this.current?.kind === "song") this.#sound.stop();
  }

  async #run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let turn = this.#next(); turn; turn = this.#next()) {
      this.current = turn;
      this.#listener.changed();
      await this.#perform(turn);
      this.current = null;
    }
    this.#isRunning = false;
    this.#listener.changed();
  }

  /** @returns {Turn | null} */
  #next() {
    if (this.#isHushed) return null;
    const { song } = this;
    return this.#queue.shift() ?? (song && !this.isSongPaused ? { kind: "song", song } : null);
  }

  /** @param {Turn} turn */
  async #perform(turn) {
    if (turn.kind === "prompt") await this.#speak(turn);
    else if (turn.kind === "message") await this.#tell(turn.message);
    else if (turn.kind === "text") await this.sign.show(turn.message, () => this.#listener.heard(turn.message.id, "message"));
    else await this.#sing(turn.song);
  }

  /** @param {Extract<Turn, { kind: "prompt" }>} turn */
  async #speak(turn) {
    const sound = await this.#prompts.sound(turn.name, turn.url);
    if (sound && this.current === turn) await this.#playBlob(sound);
  }

  /** @param {Message} message */
  async #tell(message) {
    const how = await this.#playBlob(/** @type {Blob} */ (message.sound));
    if (how === "ended") this.#listener.heard(message.id, "message");
    if (how === "failed") this.#listener.broken(message.id);
    if (how === "paused" || how === "blocked") this.#listener.left(message);
  }

  /** @param {Song} song */
  async #sing(song) {
    const how = await this.#sound.play(here(song.url), song.at);
    if (how === "ended") this.#listener.heard(song.id, "song");
    if (this.song !== song) return;
    if (how === "ended" || how === "failed") this.song = null;
    else song.at = this.#sound.position;
    if (how === "paused" || how === "blocked") this.isSongPaused = true;
  }

  /** @param {Blob} blob */
  async #playBlob(blob) {
    const url = URL.createObjectURL(blob);
    const how = await this.#sound.play(url);
    URL.revokeObjectURL(url);
    return how;
  }
}
