// Ticking who shall be in a group, out of everybody we may talk with.

import { Problem } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { problemWords } from "../../web_common/problems.js";
import { texts } from "../../web_common/texts.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Party} Party */

const t = texts({
  en: {
    not_peers: "Everybody in a group has to be in contact with everybody else in it, and here somebody is not.",
    toy: "Toy",
    yours: "Your toy",
  },
  zh: {
    not_peers: "群里的每个人都要互为联系人，这里有人还不是。",
    toy: "玩具",
    yours: "你的玩具",
  },
});

/**
 * Whom we may add: our toys first, then people and toys that we may talk with.
 * @param {App} app
 * @param {Party[]} present members already
 * @returns {Party[]}
 */
export function candidates(app, present) {
  const known = new Map(app.family.toys.map((toy) => [toy.id, /** @type {Party} */ ({ id: toy.id, name: toy.name, kind: "toy" })]));
  for (const { id, name, kind, may_send } of app.family.conversations) {
    if (may_send && (kind === "person" || kind === "toy") && !known.has(id)) known.set(id, { id, name, kind });
  }
  for (const { id } of present) known.delete(id);
  return [...known.values()];
}

/**
 * Check boxes, one for each.
 * @param {{ app: App, parties: Party[], ticked: Set<string>, changed: () => void }} choice `ticked` is changed in place
 */
export function memberChoice({ app, parties, ticked, changed }) {
  const tick = (/** @type {string} */ id) => {
    if (!ticked.delete(id)) ticked.add(id);
    changed();
  };
  return html`<ul class="list">
    ${repeat(
      parties,
      (one) => one.id,
      (one) => html`<li>
        <label class="list-row">
          ${avatar(app.family.face(one))}
          <span class="grow one-line people-name">${one.name}</span>
          ${one.kind === "toy" ? html`<span class="pill">${app.family.toy(one.id) ? t("yours") : t("toy")}</span>` : nothing}
          <input type="checkbox" .checked=${ticked.has(one.id)} @change=${() => tick(one.id)} />
        </label>
      </li>`,
    )}
  </ul>`;
}

/** Why they could not be put into a group. @param {unknown} error */
export function memberProblem(error) {
  return error instanceof Problem && error.code === "not_allowed" ? t("not_peers") : problemWords(error);
}
