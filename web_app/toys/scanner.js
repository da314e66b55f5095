// Scanning a QR code with the camera, in a sheet. However the sheet closes, the camera is let go.

import { html } from "../../web_common/html.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { makeDecoder } from "./decoder.js";

const t = texts({
  en: {
    aim: "Hold the camera so that the code is within the frame.",
    broken: "The camera stopped, or another app uses it. Close that app and try again, or type the code.",
    denied: "The camera is not allowed here. Allow it in the browser's settings of this page, or type the code.",
    foreign: "This is another kind of code. Look for the one that the toy, or the other family, shows.",
    insecure: "The camera works only on a secure page (https). Please type the code.",
    instead: "Type the code",
    none: "This device has no camera that we can use. Please type the code.",
    starting: "Opening the camera…",
    title: "Scan the code",
    view: "What the camera sees",
  },
  zh: {
    aim: "把二维码放进框里。",
    broken: "摄像头停了，或被其他应用占用。请关闭那个应用再试，或手动输入。",
    denied: "这里没有摄像头权限。请在浏览器里允许本页使用摄像头，或手动输入。",
    foreign: "这不是我们的二维码。请扫玩具或对方家人显示的那个。",
    insecure: "只有安全页面（https）才能用摄像头，请手动输入。",
    instead: "手动输入",
    none: "这台设备没有可用的摄像头，请手动输入。",
    starting: "正在打开摄像头…",
    title: "扫一扫",
    view: "摄像头画面",
  },
});

/** @typedef {"starting" | "aim" | "foreign" | "broken" | "denied" | "insecure" | "none"} State */

/** Between two looks, in milliseconds: the page stays quick, and nobody notices. */
const PAUSE = 120;
/** @type {Record<string, State>} */
const REFUSALS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none" };

/**
 * Let somebody scan. Null when they gave up.
 * @template T
 * @param {(text: string) => T | null} read what a code means; null for one that is not looked for
 * @returns {Promise<T | null>}
 */
export async function scanCode(read) {
  const scanning = new Scanning(read);
  const leave = () => scanning.sheet.close();
  const hide = () => void (document.hidden && leave());
  addEventListener("hashchange", leave);
  document.addEventListener("visibilitychange", hide);
  const found = await scanning.sheet.closed;
  removeEventListener("hashchange", leave);
  document.removeEventListener("visibilitychange", hide);
  scanning.stop();
  return /** @type {T | undefined} */ (found) ?? null;
}

class Scanning {
  /** @param {(text: string) => unknown} read */
  constructor(read) {
    this.#read = read;
    this.#video.playsInline = this.#video.muted = true;
    this.#video.setAttribute("aria-label", t("view"));
    this.sheet = new Sheet(t("title"), () => this.#view());
    void this.#run();
  }

  #read;
  #video = document.createElement("video");
  /** @type {State} */
  #state = "starting";
  /** @type {MediaStream | null} */
  #stream = null;
  #isOver = false;

  stop() {
    this.#isOver = true;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
  }

  #view() {
    const isSeeing = ["starting", "aim", "foreign"].includes(this.#state);
    return html`
      <div class="scanner ${this.#state}" ?hidden=${!isSeeing}>${this.#video}<span class="scanner-frame"></span></div>
      <p class=${isSeeing ? "quiet" : "problem"} role="status">${t(this.#state)}</p>
      <button class="button secondary" @click=${() => this.sheet.close()}>${t("instead")}</button>
    `;
  }

  async #run() {
    try {
      const [decode] = await Promise.all([makeDecoder(), this.#openCamera()]);
      this.#say("aim");
      while (!this.#isOver) {
        this.#take(await decode(this.#video).catch(() => null));
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    } catch (error) {
      this.#say(refusal(error));
    }
  }

  async #openCamera() {
    if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (this.#isOver) return this.stop(); // closed while somebody was asked
    this.#stream.getVideoTracks()[0]?.addEventListener("ended", () => this.#say("broken"));
    this.#video.srcObject = this.#stream;
    await this.#video.play();
  }

  /** @param {string | null} text */
  #take(text) {
    if (text === null || this.#isOver) return;
    const found = this.#read(text);
    if (found) this.sheet.close(found);
    else this.#say("foreign");
  }

  /** @param {State} state */
  #say(state) {
    if (this.#isOver) return;
    this.#state = state;
    this.sheet.draw();
  }
}

/** @param {unknown} error @returns {State} */
function refusal(error) {
  if (!isSecureContext) return "insecure";
  return REFUSALS[error instanceof DOMException ? error.name : ""] ?? "broken";
}
