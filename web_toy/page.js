// What is seen of the toy: the room, the bear and what it holds, its words, and below it the buttons.

import { html, ifDefined, nothing, renderPage } from "../web_common/html.js";
import { icon } from "../web_common/icons.js";
import { qrCode } from "../web_common/qr.js";
import { LANGS, lang, speak, texts } from "../web_common/texts.js";
import { theme } from "../web_common/theme.js";
import { bearBehind, bearInFront } from "./bear.js";
import { controls } from "./controls.js";
import { bubbleWords, lampSign, moodOf } from "./mood.js";
import { scenery } from "./scenery.js";

/** @typedef {import("./toy.js").Toy} Toy */
/** @typedef {import("./mood.js").Mood} Mood */
/** @typedef {import("../web_common/html.js").View} View */

const t = texts({
  en: {
    bear_asleep: "The bear is asleep",
    bear_grey: "The bear is grey and sad",
    bear_off: "The bear sleeps in the dark",
    bear_on: "The bear sits on its rug",
    code: "Code",
    diary: "What the toy does",
    off: "Switch off",
    play_one: "Play the message from {name}",
    play_some: "Play {n} messages, the first from {name}",
    put_away: "I have read it",
    qr: "QR code that binds this toy to a family",
    scan: "Scan this with the family's app, or type the code there.",
    title: "A toy",
  },
  zh: {
    bear_asleep: "小熊睡着了",
    bear_grey: "小熊灰灰的，有点难过",
    bear_off: "小熊在黑暗里睡觉",
    bear_on: "小熊坐在地毯上",
    code: "配对码",
    diary: "玩具在做什么",
    off: "关机",
    play_one: "播放{name}的消息",
    play_some: "播放 {n} 条消息，第一条来自{name}",
    put_away: "我看完了",
    qr: "用来绑定这个玩具的二维码",
    scan: "用家庭应用扫一扫，或在那里输入配对码。",
    title: "玩具",
  },
});

const LANG_NAMES = { en: "English", zh: "中文" };
const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Draw again when the light outside changes. @param {() => void} draw */
export const onLight = (draw) => darkness.addEventListener("change", draw);

/**
 * @param {Toy} toy
 * @param {HTMLElement} place
 * @param {{ switchPanel: () => View, openDiary: () => void }} parts
 */
export function drawPage(toy, place, parts) {
  const mood = moodOf(toy);
  document.title = toy.name || t("title");
  const { dataset } = place;
  dataset.state = toy.state;
  dataset.playing = playing(toy);
  dataset.mood = mood;
  dataset.light = light(toy);
  dataset.says = toy.voice.current?.kind === "prompt" ? toy.voice.current.name : "";
  dataset.holds = toy.voice.sign.message ? "text" : toy.claim.now ? "claim" : "nothing";
  renderPage(
    html`${header(toy, parts)}
      <main class="toy-main">
        ${stage(toy, mood)}
        <div class="toy-panel">${toy.state === "off" ? parts.switchPanel() : controls(toy)}</div>
      </main>`,
    place,
  );
}

/** @param {Toy} toy */
function playing({ voice }) {
  const kind = voice.current?.kind;
  return kind && kind !== "text" ? kind : "";
}

/** By day, in the evening, at night. @param {Toy} toy */
function light({ state, rests }) {
  if (state === "off" || rests) return "night";
  const isDark = theme() === "system" ? darkness.matches : theme() === "dark";
  return isDark ? "evening" : "day";
}

/** @param {Toy} toy @param {{ openDiary: () => void }} parts */
function header(toy, { openDiary }) {
  const isOn = toy.state !== "off";
  const other = LANGS.find((one) => one !== lang()) ?? "en";
  return html`<header class="toy-header">
    <h1 class="toy-name one-line">${toy.name || t("title")}</h1>
    <button class="toy-chip" lang=${other === "zh" ? "zh-CN" : "en"} @click=${() => speak(other)}>${LANG_NAMES[other]}</button>
    <button class="toy-chip toy-chip-round" aria-label=${t("diary")} title=${t("diary")} @click=${openDiary}>${icon("more")}</button>
    ${isOn
      ? html`<button class="switch" role="switch" aria-checked="true" aria-label=${t("off")} title=${t("off")} @click=${() => toy.switchOff()}>
          <span class="switch-knob"></span>
        </button>`
      : nothing}
  </header>`;
}

/** @param {Toy} toy @param {Mood} mood */
function stage(toy, mood) {
  return html`<div class="stage">
    ${scenery}
    <p class="bubble" role="status" ?hidden=${!bubbleWords(toy, mood)}>${bubbleWords(toy, mood)}</p>
    <div class="bear">
      <div class="bear-picture" role="img" aria-label=${bearWords(toy)}>${bearBehind(lampSign(toy, mood))}</div>
      ${board(toy)} ${bearInFront} ${pressable(toy)}
    </div>
  </div>`;
}

/** @param {Toy} toy */
function bearWords({ state }) {
  if (state === "off") return t("bear_off");
  if (state === "asleep") return t("bear_asleep");
  return t(state === "unlicensed" ? "bear_grey" : "bear_on");
}

/** The whole bear is a button while something waits for a press. @param {Toy} toy */
function pressable(toy) {
  const { waiting } = toy.mail;
  if (!waiting.length) return nothing;
  const name = waiting[0]?.from_name ?? "";
  const words = waiting.length > 1 ? t("play_some", { name, n: waiting.length }) : t("play_one", { name });
  const count = waiting.length > 1 ? waiting.length : undefined;
  return html`<button class="bear-button" data-press data-count=${ifDefined(count)} aria-label=${words} @click=${() => toy.press()}></button>`;
}

/** What it holds in its paws: the code that finds it a family, or a text that somebody wrote. @param {Toy} toy */
function board(toy) {
  const { message } = toy.voice.sign;
  if (message) {
    return html`<div class="board board-text">
      <p class="board-words" aria-live="polite" tabindex="0">${message.msg}</p>
      <button class="button secondary" @click=${() => (toy.voice.sign.putAway(), toy.changed())}>${t("put_away")}</button>
    </div>`;
  }
  const claim = toy.claim.now;
  if (!claim) return nothing;
  return html`<div class="board board-claim">
    <div class="board-qr">${qrCode(claim.qr, t("qr"))}</div>
    <p><span class="visually-hidden">${t("code")}</span> <strong class="board-code" data-claim>${claim.code.replace(/^(.{4})(.{4})$/, "$1-$2")}</strong></p>
    <p class="visually-hidden">${t("scan")}</p>
  </div>`;
}
