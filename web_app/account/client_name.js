// What a browser says of itself, in words: "Chrome on Android". Only what is surely in it; the server keeps its start.

import { texts } from "../../web_common/texts.js";

const t = texts({
  en: { on: "{browser} on {system}", unknown: "Unknown" },
  zh: { on: "{system} 上的 {browser}", unknown: "未知设备" },
});

/** Each calls itself by the names of those below it, too. @type {[RegExp, string][]} */
const BROWSERS = [
  [/MicroMessenger\//, "WeChat"],
  [/\bEdg(?:A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\//, "Firefox"],
  [/(?:Chrome|CriOS)\//, "Chrome"],
  [/AppleWebKit\/.*Version\//, "Safari"],
];

/** Likewise. @type {[RegExp, string][]} */
const SYSTEMS = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/CrOS/, "ChromeOS"],
  [/Windows/, "Windows"],
  [/Macintosh/, "Mac"],
  [/Linux/, "Linux"],
];

/** @param {string} label a user agent, or what a program called itself */
export function clientName(label) {
  const browser = BROWSERS.find(([sign]) => sign.test(label))?.[1];
  const system = SYSTEMS.find(([sign]) => sign.test(label))?.[1];
  if (browser && system) return t("on", { browser, system });
  // A program names itself first, and then what it is made with.
  return browser ?? system ?? (label.split(/[\s;(]/, 1)[0] || t("unknown"));
}
