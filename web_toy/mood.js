// What the toy feels at this moment: one word for the drawing, the sign on its lamp, and what it says in a bubble.

import { locale, texts } from "../web_common/texts.js";
import { talkWords } from "../web_common/talk_words.js";

/** @typedef {import("./toy.js").Toy} Toy */
/** @typedef {"calm" | "recording" | "telling" | "reading" | "speaking" | "waiting" | "singing"} Mood */

const t = texts({
  en: {
    asleep: "I am asleep until {time}. Good night!",
    away: "I cannot reach the server. I keep trying.",
    hello: "Hello! Hold the button and talk to me.",
    hello_name: "Hello, I am {name}! Hold the button and talk to me.",
    insecure: "This page needs https for this toy. Ask whoever set this up.",
    later: "I will pass it on as soon as I can.",
    nobody: "I have nobody to talk to yet. Try again in a moment.",
    reading: "{name} has written to me:",
    recording: "I am listening…",
    refused: "The server did not let me in. Is it the right licence?",
    replaced: "This toy is switched on somewhere else.",
    singing: "Let us listen together!",
    song_paused: "Shall I go on?",
    starting: "I am waking up…",
    telling: "Listen, this is {name}!",
    unbound: "I have no family yet. Please find me an owner!",
    unlicensed: "This toy has no licence. Please contact the manufacturer.",
    waiting: "{name} has sent you something. Press my tummy!",
  },
  zh: {
    asleep: "我睡着啦，{time} 醒来。晚安！",
    away: "我连不上服务器，正在重试…",
    hello: "你好呀！按住按钮，跟我说话吧。",
    hello_name: "你好，我是{name}！按住按钮，跟我说话吧。",
    insecure: "这个玩具需要用 https 打开本页面。请联系为你安装的人。",
    later: "等连上了，我马上转告！",
    nobody: "我还不知道可以说给谁听呢。过一会儿再试试吧。",
    reading: "{name}给我写了：",
    recording: "我在听呢…",
    refused: "服务器没有让我进来。授权码对吗？",
    replaced: "这个玩具已在别处开机。",
    singing: "我们一起听吧！",
    song_paused: "要继续听吗？",
    starting: "我正在醒来…",
    telling: "听，是{name}！",
    unbound: "我还没有家呢，请帮我找一位主人吧！",
    unlicensed: "这个玩具还没有授权，请联系生产厂家。",
    waiting: "{name}给你发来了消息，按按我的小肚子吧！",
  },
});

/** @param {Toy} toy @returns {Mood} */
export function moodOf(toy) {
  const playing = toy.voice.current?.kind;
  if (toy.answer?.isRecording) return "recording";
  if (playing === "message") return "telling";
  if (toy.voice.sign.message) return "reading";
  if (toy.mail.waiting.length) return "waiting";
  if (playing === "prompt") return "speaking";
  return playing === "song" ? "singing" : "calm";
}

/** @type {Record<Mood, import("./bear.js").LampSign>} */
const SIGN_OF_MOOD = { calm: "heart", recording: "dot", telling: "waves", reading: "letter", speaking: "heart", waiting: "letter", singing: "note" };

/** @param {Toy} toy @param {Mood} mood @returns {import("./bear.js").LampSign} */
export function lampSign(toy, mood) {
  const { state, voice } = toy;
  if (state === "off" || state === "starting" || state === "unlicensed") return "off";
  if (mood === "calm" && state === "asleep") return "moon";
  if ((mood === "calm" || mood === "speaking") && state === "away") return "dots";
  if (state === "unbound") return "house";
  if (voice.current?.kind === "prompt" && voice.current.name === "new_message") return "letter";
  return SIGN_OF_MOOD[mood];
}

/** What stands in the bubble; empty for nothing. @param {Toy} toy @param {Mood} mood */
export function bubbleWords(toy, mood) {
  const said = saidOfAnswer(toy);
  if (said) return said;
  if (toy.state === "off") return toy.reason ? t(toy.reason) : "";
  if (toy.state === "starting" || toy.state === "unlicensed" || toy.state === "unbound") return t(toy.state);
  if (mood === "recording") return t("recording");
  if (mood === "telling" && toy.voice.current?.kind === "message") return t("telling", { name: toy.voice.current.message.from_name });
  if (mood === "reading") return t("reading", { name: toy.voice.sign.message?.from_name ?? "" });
  if (mood === "waiting") return t("waiting", { name: toy.mail.waiting[0]?.from_name ?? "" });
  if (toy.state === "away") return t("away");
  if (toy.state === "asleep") return t("asleep", { time: wakesAt(toy) });
  if (toy.voice.song) return t(toy.voice.isSongPaused ? "song_paused" : "singing");
  return toy.name ? t("hello_name", { name: toy.name }) : t("hello");
}

/** What there is to say of a recording, where the buttons do not say it already. @param {Toy} toy */
function saidOfAnswer({ answer, link }) {
  if (!answer?.said || answer.said === "started") return "";
  if (answer.said === "nobody") return t("nobody");
  if (answer.said === "sent" && link?.state !== "open") return t("later");
  return talkWords(answer.said);
}

/** When the rest ends, by the clock on the wall where the child lives. @param {Toy} toy */
function wakesAt({ settings }) {
  if (!settings?.quiet_until) return "";
  const words = new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: settings.time_zone });
  return words.format(new Date(settings.quiet_until));
}
