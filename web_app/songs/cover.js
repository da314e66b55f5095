// The picture of a song: its cover, or a drawn note.

import { API } from "../../web_common/api.js";
import { html, svg } from "../../web_common/html.js";

/** @typedef {import("../../web_common/types.js").Item} Item */

const NOTE = svg`<path d="M19 33V14l14-3v18" fill="none" stroke="currentColor" stroke-width="3" stroke-linejoin="round" /><circle cx="15.5" cy="33" r="4.5" /><circle cx="29.5" cy="29" r="4.5" />`;
const TONES = ["honey", "leaf", "sky", "plum", "rose"];

/** @param {Item} item */
export function coverView({ id, has_cover }) {
  if (has_cover) return html`<img class="songs-cover" src="${API}/library/${id}/cover" alt="" loading="lazy" width="56" height="56" />`;
  const tone = TONES[id.charCodeAt(id.length - 1) % TONES.length];
  return html`<span class="songs-cover tone-${tone}"><svg viewBox="0 0 48 48" aria-hidden="true">${NOTE}</svg></span>`;
}
