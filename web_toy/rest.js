// When the toy rests. The server says until when, for as long as it can; while it is away the toy looks at the clock
// itself, by the hours that it was told.

/** @typedef {import("../web_common/types.js").ToySettings} ToySettings */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/**
 * Is it a time of rest? Where we can ask nobody, the hours that the family chose count as well.
 * @param {Partial<ToySettings> | null} settings @param {number} now @param {boolean} [isAway]
 */
export function isRest(settings, now, isAway = false) {
  if (!settings) return false;
  return Date.parse(settings.quiet_until ?? "") > now || (isAway && isRestOnTheWall(settings, now));
}

/**
 * By the clock on the wall where the child lives. A rest that ends no later than it begins ends on the next day.
 * @param {Partial<ToySettings>} settings @param {number} now
 */
function isRestOnTheWall({ quiet_hours = [], time_zone }, now) {
  const { today, time } = wallClock(now, time_zone);
  const yesterday = DAYS.at(DAYS.indexOf(today) - 1) ?? "";
  return quiet_hours.some(({ days, start, end }) => {
    const [isToday, wasYesterday] = [days.includes(today), days.includes(yesterday)];
    if (start < end) return isToday && start <= time && time < end;
    return (isToday && start <= time) || (wasYesterday && time < end);
  });
}

/** Such as `mon` and `20:30`. @param {number} now @param {string} [timeZone] */
function wallClock(now, timeZone) {
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const parts = new Map(clock.formatToParts(now).map(({ type, value }) => [type, value]));
  return { today: (parts.get("weekday") ?? "").toLowerCase(), time: `${parts.get("hour")}:${parts.get("minute")}` };
}
