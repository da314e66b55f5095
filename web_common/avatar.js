// Faces: a drawn animal for a toy, the first letter for a person, two heads for a group.

import { html, svg } from "./html.js";

/** Colours a family can choose from, by the word that the server keeps. Their tones are in `avatar.css`. */
export const COLOURS = /** @type {const} */ (["honey", "leaf", "sky", "plum", "rose", "stone"]);

/** @typedef {{ id: string, name: string, kind?: string, picture?: string, colour?: string }} Face */

/**
 * @param {Face} face
 * @param {"small" | "medium" | "large"} size
 */
export function avatar({ id, name, kind = "person", picture = "", colour = "" }, size = "medium") {
  const tone = COLOURS.find((one) => one === colour) ?? COLOURS[sum(id) % COLOURS.length];
  return html`<span class="avatar avatar-${size} tone-${tone}" aria-hidden="true">${drawing(kind, picture, name)}</span>`;
}

/** @param {string} kind @param {string} picture @param {string} name */
function drawing(kind, picture, name) {
  if (kind === "toy") return html`<svg viewBox="0 0 48 48">${PICTURES.get(picture) ?? PICTURES.get("bear")}</svg>`;
  if (kind === "family" || kind === "custom") return html`<svg viewBox="0 0 48 48">${GROUP}</svg>`;
  return [...name.trim()][0]?.toLocaleUpperCase() ?? "?";
}

/** @param {string} id */
const sum = (id) => [...id].reduce((total, letter) => total + letter.charCodeAt(0), 0);

const GROUP = svg`<circle cx="18" cy="19" r="6" /><circle cx="31" cy="21" r="5" /><path d="M7 37c1-8 5-11 11-11s10 3 11 11zM31 28c6 0 9 3 10 9h-9" />`;

/** What a toy can look like, by the word that the server keeps. Ink by itself; `face` and `patch` have the tone. */
export const PICTURES = new Map([
  [
    "bear",
    svg`<circle cx="14" cy="15" r="6" /><circle cx="34" cy="15" r="6" /><circle cx="24" cy="26" r="14" /><g class="face"><circle cx="19" cy="24" r="1.6" /><circle cx="29" cy="24" r="1.6" /><path d="M22.4 29h3.2L24 30.8zM20 33.4q4 3.4 8 0" /></g>`,
  ],
  [
    "rabbit",
    svg`<ellipse cx="17.5" cy="14" rx="4.6" ry="10.5" transform="rotate(-8 17.5 14)" /><ellipse cx="30.5" cy="14" rx="4.6" ry="10.5" transform="rotate(8 30.5 14)" /><ellipse cx="24" cy="30" rx="13.5" ry="12.5" /><g class="patch"><ellipse cx="17.5" cy="13" rx="1.8" ry="7" transform="rotate(-8 17.5 13)" /><ellipse cx="30.5" cy="13" rx="1.8" ry="7" transform="rotate(8 30.5 13)" /></g><g class="face"><circle cx="19" cy="28" r="1.6" /><circle cx="29" cy="28" r="1.6" /><path d="M22.4 32h3.2L24 33.8zM24 34v1.6M20.5 35q1.8 2 3.5.4 1.7 1.6 3.5-.4" /></g>`,
  ],
  [
    "cat",
    svg`<path d="M10 9.5q.6-2.4 3-1l7 4.7q4-.9 8 0l7-4.7q2.4-1.4 3 1l1 15.5q-2 14-15 14T9 25z" /><g class="face"><circle cx="18" cy="24.5" r="1.8" /><circle cx="30" cy="24.5" r="1.8" /><path d="M22.4 28.5h3.2L24 30.3zM20.5 32q1.8 2 3.5.2 1.7 1.8 3.5-.2M5.5 27.5l8 1.5M5.5 33l8-1M42.5 27.5l-8 1.5M42.5 33l-8-1" /></g>`,
  ],
  [
    "dog",
    svg`<ellipse cx="24" cy="25" rx="12.5" ry="14" /><ellipse cx="10.5" cy="22.5" rx="4.6" ry="10" transform="rotate(14 10.5 22.5)" /><ellipse cx="37.5" cy="22.5" rx="4.6" ry="10" transform="rotate(-14 37.5 22.5)" /><g class="patch"><circle cx="19" cy="19.5" r="1.8" /><circle cx="29" cy="19.5" r="1.8" /><ellipse cx="24" cy="30" rx="8" ry="6.6" /></g><ellipse cx="24" cy="26.8" rx="3" ry="2.3" /><path d="M19.3 30.8q4.7 4 9.4 0 .3 4.4-4.7 4.4t-4.7-4.4z" />`,
  ],
  [
    "penguin",
    svg`<ellipse cx="24" cy="23.5" rx="13.5" ry="15.5" /><path d="M12 21q-6 6-5.5 13.5 4.5-1.5 7.5-6zM36 21q6 6 5.5 13.5-4.5-1.5-7.5-6z" /><ellipse cx="18.5" cy="39" rx="4.5" ry="2.2" /><ellipse cx="29.5" cy="39" rx="4.5" ry="2.2" /><g class="patch"><circle cx="19.2" cy="19" r="5.6" /><circle cx="28.8" cy="19" r="5.6" /><ellipse cx="24" cy="28" rx="9.4" ry="8.5" /></g><circle cx="20" cy="19.5" r="1.7" /><circle cx="28" cy="19.5" r="1.7" /><path d="M20.5 23.5q3.5-2 7 0L24 27.5z" />`,
  ],
  [
    "fox",
    svg`<path d="M8 9q0-2.2 2-1.3l8.5 4.5q5.5-1.4 11 0L38 7.7q2-.9 2 1.3 0 8-1.5 14-2.5 12-14.5 18Q12 35 9.5 23 8 17 8 9z" /><g class="patch"><path d="M12.3 25.5q7-1 11.7 5.5 4.7-6.5 11.7-5.5Q33.2 33.5 24 38.3 14.8 33.5 12.3 25.5z" /></g><ellipse cx="24" cy="35.5" rx="3" ry="2.4" /><g class="face"><circle cx="18" cy="21" r="1.6" /><circle cx="30" cy="21" r="1.6" /></g>`,
  ],
  [
    "owl",
    svg`<path d="M10 8q7 4.5 14 4.5T38 8q3 8 2 17.5Q38.5 41 24 41T8 25.5Q7 16 10 8z" /><g class="patch"><circle cx="17.5" cy="22" r="6.2" /><circle cx="30.5" cy="22" r="6.2" /></g><circle cx="17.5" cy="22" r="2.6" /><circle cx="30.5" cy="22" r="2.6" /><g class="patch"><path d="M21.8 27h4.4L24 31z" /></g><g class="face"><path d="M17 34.5q1.7 1.6 3.5 0M22.3 34.5q1.7 1.6 3.5 0M27.6 34.5q1.7 1.6 3.5 0" /></g>`,
  ],
  [
    "elephant",
    svg`<ellipse cx="11" cy="21" rx="8" ry="10.5" /><ellipse cx="37" cy="21" rx="8" ry="10.5" /><path d="M13 22q0-12 11-12t11 12q0 6-5.5 10-1.5 1.3-1.5 4 0 2.5 2.5 2.5h1.5a1.8 1.8 0 010 3.5H30q-9.5 0-10-9.5 0-2.2-1.5-3.5Q13 26 13 22z" /><g class="patch"><ellipse cx="9.5" cy="21.5" rx="3.6" ry="6" /><ellipse cx="38.5" cy="21.5" rx="3.6" ry="6" /></g><g class="face"><circle cx="19.5" cy="21" r="1.6" /><circle cx="28.5" cy="21" r="1.6" /><path d="M22 30.5h4M22 34h4" /></g>`,
  ],
]);
