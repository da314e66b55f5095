// Requests that wait: those of others for our word, and ours for theirs.

import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { texts } from "../../web_common/texts.js";
import { ago } from "../../web_common/times.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Contact} Contact */

const t = texts({
  en: {
    accept: "Agree",
    asked: "Asked {when}",
    both: "They can talk as soon as you agree. You can end it at any time.",
    for_me: "{name} would like to talk with you",
    for_toy: "{name} would like to talk with {toy}",
    ours_me: "You asked somebody whether you may talk",
    ours_toy: "You asked somebody whether {toy} may talk with them",
    refuse: "No, thanks",
    take_back: "Take back",
    their_toy: "{name}, another family's toy,",
    waiting_for_them: "Waiting for their answer",
    waiting_for_us: "Somebody is asking you",
    wait_words: "Their grown-ups have to agree. Names are shown once they did.",
  },
  zh: {
    accept: "同意",
    asked: "{when}发出请求",
    both: "你同意后，双方就可以说话了。你随时可以结束。",
    for_me: "{name}想和你说话",
    for_toy: "{name}想和{toy}说话",
    ours_me: "你请求和对方说话",
    ours_toy: "你请求让{toy}和对方说话",
    refuse: "不用了",
    take_back: "撤回",
    their_toy: "另一个家庭的玩具{name}",
    waiting_for_them: "等待对方回应",
    waiting_for_us: "有人想联系你们",
    wait_words: "需要对方的家长同意。同意之后才会显示名字。",
  },
});

/**
 * @typedef {{ app: App, isBusy: boolean, accept: (contact: Contact) => void, end: (contact: Contact) => void }} Deeds
 */

/** @param {Contact[]} contacts @param {Deeds} deeds */
export function incomingView(contacts, deeds) {
  if (!contacts.length) return nothing;
  return html`<section class="stack">
    <h2>${t("waiting_for_us")}</h2>
    <ul class="list people-cards">
      ${repeat(contacts, keyOf, (one) => incoming(one, deeds))}
    </ul>
  </section>`;
}

/** @param {Contact} contact @param {Deeds} deeds */
function incoming(contact, { app, isBusy, accept, end }) {
  return html`<li class="card" data-contact=${contact.id}>
    <div class="row people-request">
      ${avatar(contact.with)}
      <div class="grow">
        <p class="people-ask">${incomingWords(app, contact)}</p>
        <p class="quiet small">${ago(contact.since)}</p>
      </div>
    </div>
    <p class="quiet small">${t("both")}</p>
    <div class="people-answers">
      <button class="button secondary" ?disabled=${isBusy} @click=${() => end(contact)}>${t("refuse")}</button>
      <button class="button" ?disabled=${isBusy} @click=${() => accept(contact)}>${t("accept")}</button>
    </div>
  </li>`;
}

/** @param {App} app @param {Contact} contact */
function incomingWords(app, contact) {
  const { name, kind } = contact.with;
  const who = kind === "toy" ? t("their_toy", { name }) : name;
  return contact.for.id === app.myId ? t("for_me", { name: who }) : t("for_toy", { name: who, toy: contact.for.name });
}

/** @param {Contact[]} contacts @param {Deeds} deeds */
export function outgoingView(contacts, deeds) {
  if (!contacts.length) return nothing;
  return html`<section class="stack">
    <h2>${t("waiting_for_them")}</h2>
    <div class="card">
      <p class="quiet small">${t("wait_words")}</p>
      <ul class="list">
        ${repeat(contacts, keyOf, (one) => outgoing(one, deeds))}
      </ul>
    </div>
  </section>`;
}

/** @param {Contact} contact @param {Deeds} deeds */
function outgoing(contact, { app, isBusy, end }) {
  const words = contact.for.id === app.myId ? t("ours_me") : t("ours_toy", { toy: contact.for.name });
  return html`<li class="list-row people-outgoing" data-contact=${contact.id}>
    ${avatar(app.family.face(contact.for))}
    <div class="grow">
      <p>${words}</p>
      <p class="quiet small">${t("asked", { when: ago(contact.since) })} · <code class="people-id">${contact.with.id}</code></p>
    </div>
    <button class="button secondary" ?disabled=${isBusy} @click=${() => end(contact)}>${t("take_back")}</button>
  </li>`;
}

/** @param {Contact} contact */
const keyOf = (contact) => contact.id + contact.for.id;
