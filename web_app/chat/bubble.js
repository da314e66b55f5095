// One message, drawn: a voice that plays or a text, when it was, how far it is, and what can be done with it.

import { avatar } from "../../web_common/avatar.js";
import { classMap, html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";
import { clockTime, length } from "../../web_common/times.js";
import { waveform } from "../../web_common/waveform.js";
import { receiptLine, troubleOf } from "./receipts.js";

/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("../../web_common/types.js").VoiceView} VoiceView */
/** @typedef {import("../../web_common/avatar.js").Face} Face */

/**
 * What a bubble needs to know beyond its message.
 * - `isFirst`: somebody else said the one before, or it was long ago.
 * - `face`: of the sender, where it is shown; in groups.
 * - `played`: this is the sound that is loaded, and how far it is; else null.
 * @typedef {{ isFirst: boolean, face: Face | null, played: { isPlaying: boolean, share: number, speed: number } | null,
 *   heldUntil: import("./receipts.js").HeldUntil }} Around
 */

/**
 * What can be done with it.
 * @typedef {{ play: (row: Row) => void, seek: (row: Row, share: number) => void, speed: () => void,
 *   menu: (row: Row) => void, retry: (row: Row) => void, discard: (row: Row) => void }} Deeds
 */

const t = texts({
  en: {
    discard: "Delete",
    more: "More about this message",
    notHeard: "Not heard yet",
    pause: "Pause",
    place: "Place in the voice message",
    play: "Play voice message, {length}",
    preparing: "This voice message is being prepared, {length}",
    retry: "Send again",
    speed: "Speed: {speed}×",
    you: "You:",
  },
  zh: {
    discard: "删除",
    more: "关于这条消息的更多操作",
    notHeard: "还没听",
    pause: "暂停",
    place: "语音的播放位置",
    play: "播放语音，{length}",
    preparing: "语音正在准备中，{length}",
    retry: "重新发送",
    speed: "速度：{speed} 倍",
    you: "你：",
  },
});

/** @param {Row} row @param {Around} around @param {Deeds} deeds */
export function bubble(row, around, deeds) {
  const trouble = row.isMine ? troubleOf(row) : "";
  const classes = { mine: row.isMine, first: around.isFirst, grouped: around.face !== null, troubled: trouble !== "" };
  return html`<li
    class="chat-item ${classMap(classes)}"
    data-state=${row.state}
    @contextmenu=${(/** @type {Event} */ event) => askMenu(event, () => deeds.menu(row))}
    @pointerdown=${(/** @type {PointerEvent} */ event) => holdForMenu(event, () => deeds.menu(row))}
  >
    ${around.face ? html`<span class="chat-face">${around.isFirst ? avatar(around.face, "small") : nothing}</span>` : nothing}
    <div class="chat-bubble">
      ${sender(row, around)} ${row.voice ? voice(row, row.voice, around, deeds) : html`<p class="chat-text">${row.msg}</p>`}
      ${trouble ? troubled(row, trouble, deeds) : nothing} ${foot(row, around, deeds)}
    </div>
    ${row.id
      ? html`<button class="icon-button chat-more" aria-label=${t("more")} @click=${() => deeds.menu(row)}>${icon("more")}</button>`
      : nothing}
  </li>`;
}

/** Seen where there are several; heard by a screen reader always. @param {Row} row @param {Around} around */
function sender(row, { face, isFirst }) {
  if (face && isFirst) return html`<p class="chat-sender">${row.fromName}</p>`;
  return html`<span class="visually-hidden">${row.isMine ? t("you") : `${row.fromName}:`}</span>`;
}

/** @param {Row} row @param {VoiceView} sound @param {Around} around @param {Deeds} deeds */
function voice(row, sound, { played }, deeds) {
  const durationMs = sound.duration_ms ?? 0;
  const isFresh = !row.isMine && row.state !== "heard";
  const isOff = sound.url === null;
  return html`<div class="chat-voice">
    <button
      class="icon-button chat-play"
      aria-label=${played?.isPlaying ? t("pause") : t(isOff ? "preparing" : "play", { length: length(durationMs) })}
      ?disabled=${isOff}
      @click=${() => deeds.play(row)}
    >
      ${icon(played?.isPlaying ? "pause" : "play")}
    </button>
    ${waveform({
      bars: sound.waveform,
      durationMs,
      share: played?.share ?? 0,
      label: t("place"),
      isOff,
      isActive: played !== null,
      onSeek: (share) => deeds.seek(row, share),
    })}
    ${isFresh ? html`<span class="chat-fresh"><span class="visually-hidden">${t("notHeard")}</span></span>` : nothing}
  </div>`;
}

/** While it plays, what is left of it, and how fast. @param {number} durationMs @param {Around["played"]} played @param {Deeds} deeds */
function lengthOf(durationMs, played, deeds) {
  const left = durationMs * (1 - (played?.share ?? 0));
  return html`<span class="chat-length">${length(left)}</span>${played ? speedButton(played.speed, deeds) : nothing}`;
}

/** @param {number} speed @param {Deeds} deeds */
const speedButton = (speed, deeds) =>
  html`<button class="chat-speed" aria-label=${t("speed", { speed })} @click=${deeds.speed}>${speed}×</button>`;

/** @param {Row} row @param {string} words @param {Deeds} deeds */
function troubled(row, words, deeds) {
  return html`<p class="chat-trouble">${words}</p>
    ${row.state === "unsent"
      ? html`<div class="chat-again">
          <button class="link-button" @click=${() => deeds.retry(row)}>${t("retry")}</button>
          <button class="link-button" @click=${() => deeds.discard(row)}>${t("discard")}</button>
        </div>`
      : nothing}`;
}

/** Its end on the screen is what makes a text read. @param {Row} row @param {Around} around @param {Deeds} deeds */
function foot(row, { heldUntil, played }, deeds) {
  const isUnreadText = !row.isMine && !row.voice && row.state !== "heard";
  return html`<p class="chat-foot" data-unread=${isUnreadText ? row.key : nothing}>
    ${row.voice?.duration_ms ? lengthOf(row.voice.duration_ms, played, deeds) : nothing}
    <time datetime=${new Date(row.at).toISOString()}>${clockTime(row.at)}</time>
    ${row.isMine ? receiptLine(row, heldUntil) : nothing}
  </p>`;
}

/** How long a finger rests until it means the menu, in milliseconds; and how far it may move meanwhile, in pixels. */
const LONG_PRESS = 500;
const JITTER = 10;
/** A click belongs to the finger that was lifted if it comes so soon, in milliseconds. */
const LIFTED = 100;

/** The right button of a mouse, the menu key, and a long press on Android. @param {Event} event @param {() => void} open */
function askMenu(event, open) {
  // Where words are selected, the browser's own menu is wanted.
  if (getSelection()?.toString()) return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) open();
}

/** A long press, where the browser has no event for it (Safari on iOS). @param {PointerEvent} press @param {() => void} open */
function holdForMenu(press, open) {
  if (press.pointerType !== "touch") return;
  const until = new AbortController();
  const { signal } = until;
  const timer = setTimeout(() => {
    if (!document.querySelector("dialog[open]")) open();
  }, LONG_PRESS);
  const end = () => (clearTimeout(timer), until.abort());
  const moved = (/** @type {PointerEvent} */ { clientX, clientY }) => {
    if (Math.hypot(clientX - press.clientX, clientY - press.clientY) > JITTER) end();
  };
  const released = () => {
    end();
    if (document.querySelector("dialog[open]")) swallowClick();
  };
  addEventListener("pointerup", released, { signal });
  addEventListener("pointercancel", end, { signal });
  addEventListener("pointermove", moved, { signal });
}

/** The finger that opened the menu chooses nothing in it when it is lifted. */
function swallowClick() {
  const swallow = (/** @type {Event} */ event) => (event.stopPropagation(), event.preventDefault());
  addEventListener("click", swallow, { capture: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }), LIFTED);
}
