// A file in words.

import { locale } from "../../web_common/texts.js";

/** "3.4 MB". @param {number} bytes */
export function fileSize(bytes) {
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kilobyte"] : [bytes / 1_000_000, "megabyte"];
  return new Intl.NumberFormat(locale(), { style: "unit", unit, maximumFractionDigits: size < 10 ? 1 : 0 }).format(size);
}

/** "01_Twinkle_little-star.mp3" is called "01 Twinkle little-star". @param {string} name of a file */
export function titleOf(name) {
  const bare = name.replace(/\.[^.]{1,5}$/, "").replaceAll("_", " ");
  return bare.replace(/\s+/g, " ").trim().slice(0, 120) || name.slice(0, 120);
}
