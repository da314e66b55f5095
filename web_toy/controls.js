// The buttons below the bear while it is switched on: hold to answer, how loud, and the song that plays.

import { html, live, nothing, ref } from "../web_common/html.js";
import { icon } from "../web_common/icons.js";
import { texts } from "../web_common/texts.js";
import { length } from "../web_common/times.js";

/** @typedef {import("./toy.js").Toy} Toy */

const t = texts({
  en: {
    cancel: "Throw away",
    hold: "Hold to answer {name}",
    hold_family: "Hold to talk to your family",
    hold_nobody: "Hold to talk",
    pause: "Pause",
    play: "Go on",
    release: "Let go to send",
    release_cancel: "Let go to throw away",
    scan: "Scan the picture with the family's app, or type the code there.",
    send: "Send",
    slide: "Left: throw away · Up: hands-free",
    song: "Song or story",
    stop: "Stop",
    volume: "Volume",
  },
  zh: {
    cancel: "丢掉",
    hold: "按住，回答{name}",
    hold_family: "按住，跟家人说话",
    hold_nobody: "按住说话",
    pause: "暂停",
    play: "继续",
    release: "松开发送",
    release_cancel: "松开丢掉",
    scan: "用家庭应用扫一扫图案，或在那里输入配对码。",
    send: "发送",
    slide: "左滑丢掉 · 上滑锁定",
    song: "儿歌或故事",
    stop: "停止",
    volume: "音量",
  },
});

/** @param {Toy} toy */
export function controls(toy) {
  const mayTalk = toy.state === "ready" || toy.state === "asleep" || (toy.state === "away" && toy.settings !== null);
  return html`
    ${toy.voice.song ? ribbon(toy) : nothing} ${toy.state === "unbound" ? html`<p class="panel-hint">${t("scan")}</p>` : nothing}
    ${mayTalk ? answering(toy) : nothing} ${toy.answer?.isRecording ? meter(toy.answer.talk) : volume(toy)}
  `;
}

/** The song, on a ribbon. @param {Toy} toy */
function ribbon({ voice }) {
  const { song, isSongPaused } = voice;
  if (!song) return nothing;
  const words = t(isSongPaused ? "play" : "pause");
  return html`<section class="ribbon" aria-label=${t("song")}>
    ${icon("music")}
    <p class="grow one-line" title=${song.title}>${song.title}</p>
    <button class="icon-button" aria-label=${words} title=${words} @click=${() => voice.pauseSong(!isSongPaused)}>
      ${icon(isSongPaused ? "play" : "pause")}
    </button>
    <button class="icon-button" aria-label=${t("stop")} title=${t("stop")} @click=${() => voice.stopSong()}>${icon("stop")}</button>
  </section>`;
}

/** @param {Toy} toy */
function answering(toy) {
  const { answer } = toy;
  if (!answer) return nothing;
  const { talk } = answer;
  const isFree = talk.state === "locked" || talk.state === "kept";
  const whom = answer.whom ?? toy.mail.lastFrom;
  const words = holdWords(whom);
  return html`<div class="answer" data-recording=${talk.state}>
    ${isFree ? freeButtons(talk) : paw(answer, whom, words)}
    <p class="answer-words" aria-hidden=${talk.state === "idle" ? "true" : "false"}>${answerWords(talk.state, words)}</p>
  </div>`;
}

/**
 * With nobody to tell it to, nothing is recorded.
 * @param {import("./answer.js").Answer} answer @param {import("./mail.js").Addressee | null} whom @param {string} words
 */
const paw = (answer, whom, words) =>
  whom
    ? html`<button class="paw" ${ref(answer.talk.attach)} aria-label=${words}>${PAW}</button>`
    : html`<button class="paw" @click=${answer.lookForSomebody} aria-label=${words}>${PAW}</button>`;

/** @param {import("../web_common/talk.js").Talk} talk */
const freeButtons = (talk) => html`<div class="answer-free">
  <button class="button secondary" @click=${talk.cancel}>${icon("trash")} ${t("cancel")}</button>
  <button class="button" @click=${talk.send}>${icon("send")} ${t("send")}</button>
</div>`;

/** @param {import("./mail.js").Addressee | null} whom */
function holdWords(whom) {
  if (!whom) return t("hold_nobody");
  return whom.name ? t("hold", { name: whom.name }) : t("hold_family");
}

/** @param {import("../web_common/hold.js").HoldState} state @param {string} words while nothing is recorded */
function answerWords(state, words) {
  if (state === "holding") return html`<strong>${t("release")}</strong><span class="small quiet">${t("slide")}</span>`;
  if (state === "leaving") return html`<strong>${t("release_cancel")}</strong>`;
  if (state === "locked" || state === "kept") return "";
  return words;
}

/** @param {import("../web_common/talk.js").Talk} talk */
const meter = (talk) => html`<div class="meter">
  <meter class="meter-level" min="0" max="1" .value=${talk.level} aria-hidden="true"></meter>
  <span class="meter-time" role="timer">${length(talk.ms)}</span>
</div>`;

/** @param {Toy} toy */
function volume(toy) {
  const turn = (/** @type {Event} */ event) => {
    toy.sound.volume = Number(/** @type {HTMLInputElement} */ (event.target).value) / 100;
  };
  return html`<label class="volume">
    <span class="visually-hidden">${t("volume")}</span>${SPEAKER}
    <input type="range" min="0" max="100" step="5" .value=${live(String(Math.round(toy.sound.volume * 100)))} @input=${turn} />
  </label>`;
}

const SPEAKER = html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
  <path d="M4 9.500h4l5-4.500v14l-5-4.500H4zM16.500 9a4.500 4.500 0 010 6M19 6.500a8 8 0 010 11" />
</svg>`;
const PAW = html`<svg class="paw-drawing" viewBox="0 0 48 48" aria-hidden="true">
  <ellipse cx="24" cy="31" rx="11" ry="9.500" /><ellipse cx="10" cy="22" rx="4.500" ry="5.500" /><ellipse cx="18.500" cy="14" rx="4.700" ry="6" />
  <ellipse cx="29.500" cy="14" rx="4.700" ry="6" /><ellipse cx="38" cy="22" rx="4.500" ry="5.500" />
</svg>`;
