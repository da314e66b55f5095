// Quiet hours in one plain sentence. Pure.

import { locale, texts } from "../../web_common/texts.js";

/** @typedef {import("../../web_common/types.js").QuietWindow} QuietWindow */

export const DAYS = /** @type {const} */ (["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
/** A Monday. */
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

const t = texts({
  en: {
    all_day: "all day",
    and: ", and ",
    asleep: "Asleep {when}.",
    comma: ", ",
    days: "on {days}",
    every_day: "every day",
    every_night: "every night",
    never: "Never asleep: new messages may be heard at any time.",
    weekdays: "from Monday to Friday",
    weekends: "on Saturdays and Sundays",
  },
  zh: {
    all_day: "全天",
    and: "，",
    asleep: "休息时间：{when}。",
    comma: "，",
    days: "{days}",
    every_day: "每天",
    every_night: "每晚",
    never: "从不休息：任何时候都可以听到新消息。",
    weekdays: "周一到周五",
    weekends: "周六和周日",
  },
});

/** "Asleep every night 19:30–07:00." @param {QuietWindow[]} windows */
export function quietSentence(windows) {
  const parts = windows.map((one) => `${daysWords(one)} ${hoursWords(one)}`);
  const last = parts.pop();
  if (!last) return t("never");
  return t("asleep", { when: parts.length ? parts.join(t("comma")) + t("and") + last : last });
}

/** "Mon" for a button, or "Monday". @param {typeof DAYS[number]} day @param {"short" | "long"} length */
export function dayWord(day, length) {
  const at = new Date(MONDAY + DAYS.indexOf(day) * DAY_MS);
  return new Intl.DateTimeFormat(locale(), { weekday: length, timeZone: "UTC" }).format(at);
}

/** @param {QuietWindow} window */
function daysWords({ days, start, end }) {
  const has = DAYS.filter((one) => days.includes(one));
  const key = has.join();
  if (has.length === 7) return t(end < start && start >= "16:00" ? "every_night" : "every_day");
  if (key === "mon,tue,wed,thu,fri") return t("weekdays");
  if (key === "sat,sun") return t("weekends");
  return t("days", { days: new Intl.ListFormat(locale(), { type: "conjunction" }).format(has.map((one) => dayWord(one, "short"))) });
}

/** One that ends when it begins lasts until the next day. @param {QuietWindow} window */
const hoursWords = ({ start, end }) => (start === end ? t("all_day") : `${start}–${end}`);
