// What the pages draw with: lit-html, in one place. Templates keep every text escaped.

import { render } from "./vendor/lit-html/lit-html.js";

export { html, nothing, render, svg } from "./vendor/lit-html/lit-html.js";
export { classMap } from "./vendor/lit-html/directives/class-map.js";
export { guard } from "./vendor/lit-html/directives/guard.js";
export { ifDefined } from "./vendor/lit-html/directives/if-defined.js";
export { keyed } from "./vendor/lit-html/directives/keyed.js";
export { live } from "./vendor/lit-html/directives/live.js";
export { ref } from "./vendor/lit-html/directives/ref.js";
export { repeat } from "./vendor/lit-html/directives/repeat.js";

/** What a view gives: a template, or `nothing`. @typedef {import("./vendor/lit-html/lit-html.js").TemplateResult | typeof import("./vendor/lit-html/lit-html.js").nothing} View */

/** @type {WeakSet<HTMLElement>} */
const drawn = new WeakSet();

/**
 * Draw a whole page. What its HTML shows until the script is there makes room at the first time.
 * @param {View} view
 * @param {HTMLElement} place
 */
export function renderPage(view, place) {
  if (!drawn.has(place)) place.replaceChildren();
  drawn.add(place);
  render(view, place);
}
