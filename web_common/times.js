// Moments and lengths in words, in the language of the page.

import { locale, texts } from "./texts.js";

const t = texts({
  en: { moment: "a moment ago" },
  zh: { moment: "刚刚" },
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "3 min. ago", "yesterday", "a moment ago"; days as the calendar counts them. @param {string | number | Date} when @param {number} now */
export function ago(when, now = Date.now()) {
  const past = now - new Date(when).getTime();
  if (past < MINUTE) return t("moment");
  const words = new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "short" });
  if (past < HOUR) return words.format(-Math.floor(past / MINUTE), "minute");
  const days = past < DAY ? 0 : daysBetween(new Date(when), new Date(now));
  return days ? words.format(-days, "day") : words.format(-Math.floor(past / HOUR), "hour");
}

/** "14:05". @param {string | number | Date} when */
export const clockTime = (when) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(when));

/** "Today", "Yesterday", "Monday, 16 November". @param {string | number | Date} when @param {number} now */
export function dayName(when, now = Date.now()) {
  const days = daysBetween(new Date(when), new Date(now));
  if (days <= 1) {
    const word = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-days, "day");
    return word.charAt(0).toLocaleUpperCase() + word.slice(1);
  }
  const isThisYear = new Date(when).getFullYear() === new Date(now).getFullYear();
  const year = isThisYear ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale(), { weekday: "long", day: "numeric", month: "long", year }).format(new Date(when));
}

/** For a list: the time today, "yesterday", else the date. @param {string | number | Date} when @param {number} now */
export function shortWhen(when, now = Date.now()) {
  const days = daysBetween(new Date(when), new Date(now));
  if (days <= 0) return clockTime(when);
  if (days === 1) return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-1, "day");
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short" }).format(new Date(when));
}

/** "21 November 2026". @param {string | number | Date} when */
export const date = (when) => new Intl.DateTimeFormat(locale(), { dateStyle: "long" }).format(new Date(when));

/** "0:11". @param {number} ms */
export function length(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Is it the same day where we are? @param {string | number | Date} a @param {string | number | Date} b */
export const isSameDay = (a, b) => daysBetween(new Date(a), new Date(b)) === 0;

/** @param {Date} earlier @param {Date} later */
function daysBetween(earlier, later) {
  const midnight = (/** @type {Date} */ day) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(later) - midnight(earlier)) / DAY);
}
