// Who of us it is about: the reader, or one of their toys. Several parts of these screens ask for it.

import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Party} Party */
/** @typedef {import("../../web_common/avatar.js").Face} Face */

const t = texts({
  en: { me: "Me" },
  zh: { me: "我自己" },
});

/** The reader first, then their toys. @param {App} app @returns {Face[]} */
export function ourSides(app) {
  return [{ id: app.myId, name: app.me?.name ?? t("me"), kind: "person" }, ...app.family.toys.map((toy) => ({ ...toy, kind: "toy" }))];
}

/** @param {App} app @param {Face} side */
export const sideName = (app, side) => (side.id === app.myId ? t("me") : side.name);

/**
 * A choice between all our sides; nothing where there is only one.
 * @param {{ app: App, legend: string, chosen: string, choose: (id: string) => void }} choice
 */
export function sideChoice({ app, legend, chosen, choose }) {
  const sides = ourSides(app);
  if (sides.length < 2) return nothing;
  return html`<fieldset class="people-sides">
    <legend class="legend">${legend}</legend>
    ${repeat(
      sides,
      (side) => side.id,
      (side) => html`<label class="people-side">
        <input type="radio" class="visually-hidden" name=${legend} value=${side.id} .checked=${side.id === chosen}
          @change=${() => choose(side.id)} />
        ${avatar(side, "small")}<span class="one-line">${sideName(app, side)}</span>
      </label>`,
    )}
  </fieldset>`;
}
