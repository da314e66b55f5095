// A QR code that the server reckoned, as a drawing.

import { html } from "./html.js";

/** Light modules all around, without which no reader finds it (ISO/IEC 18004, 9.1). */
const QUIET = 4;

/**
 * Dark on white in both themes: readers expect it so. It fills the width that it gets.
 * @param {string[]} rows from top to bottom, `1` is dark
 * @param {string} words what it is, for whoever does not see it
 */
export function qrCode(rows, words) {
  const side = rows.length + 2 * QUIET;
  return html`<svg viewBox="0 0 ${side} ${side}" role="img" aria-label=${words} shape-rendering="crispEdges">
    <rect width=${side} height=${side} fill="#fff" />
    <path fill="#000" d=${rows.map(darkRuns).join("")} />
  </svg>`;
}

/** One row: a box for each run of dark modules. @param {string} row @param {number} at */
function darkRuns(row, at) {
  return [...row.matchAll(/1+/g)]
    .map((run) => `M${run.index + QUIET} ${at + QUIET}h${run[0].length}v1h-${run[0].length}z`)
    .join("");
}
