// "Show my code": what another family scans, or opens as a link, to ask us for contact.

import { get } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { qrCode } from "../../web_common/qr.js";
import { texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";
import { sideChoice } from "./sides.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").ContactCard} ContactCard */

const t = texts({
  en: {
    code: "Code of {name}",
    copied: "The link is copied.",
    copy: "Copy link",
    not_copied: "The browser did not copy it. Please copy the ID below yourself.",
    heading: "Show my code",
    hint: "They scan it with their camera or in this app. It lets nobody in: the grown-ups of both families agree first.",
    id: "ID of {name}",
    invite: "Let us talk through our toys: open this link to ask for contact with {name}.",
    share: "Share link",
    whose: "Whose code?",
  },
  zh: {
    code: "{name}的二维码",
    copied: "链接已复制。",
    copy: "复制链接",
    not_copied: "浏览器没有复制成功，请手动复制下面的 ID。",
    heading: "出示我的二维码",
    hint: "对方用相机或在这个应用里扫一扫。只有两家的家长都同意后，才能开始说话。",
    id: "{name}的 ID",
    invite: "用玩具一起聊天吧：打开这个链接，请求和{name}成为联系人。",
    share: "分享链接",
    whose: "谁的二维码？",
  },
});

/** The codes of our sides, each fetched when it is looked at. */
export class MyCard {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.#side = app.myId;
  }

  #app;
  #side;
  /** By side. @type {Map<string, ContactCard>} */
  #cards = new Map();

  open = () => this.#choose(this.#side);

  /** @param {string} side */
  async #choose(side) {
    this.#side = side;
    this.#app.changed();
    if (this.#cards.has(side)) return;
    await this.#app.attempt(async () => {
      this.#cards.set(side, await get(`/contacts/card?for=${side}`));
    });
  }

  view() {
    const card = this.#cards.get(this.#side);
    return html`<section class="card people-card">
      <h2>${t("heading")}</h2>
      ${sideChoice({ app: this.#app, legend: t("whose"), chosen: this.#side, choose: (id) => void this.#choose(id) })}
      <div class="people-code">${card ? qrCode(card.qr, t("code", { name: card.name })) : nothing}</div>
      <p class="quiet small">${t("hint")}</p>
      ${card ? passOn(card) : nothing}
    </section>`;
  }
}

/** @param {ContactCard} card */
function passOn(card) {
  return html`<div class="people-answers">
      ${"share" in navigator ? html`<button class="button" @click=${() => share(card)}>${t("share")}</button>` : nothing}
      ${navigator.clipboard
        ? html`<button class="button secondary" @click=${() => copy(card)}>${t("copy")}</button>`
        : nothing}
    </div>
    <p class="quiet small">${t("id", { name: card.name })}: <code class="people-id">${card.id}</code></p>`;
}

/** @param {ContactCard} card */
async function share({ name, url }) {
  try {
    await navigator.share({ text: t("invite", { name }), url });
  } catch {
    // They thought better of it.
  }
}

/** @param {ContactCard} card */
async function copy({ url }) {
  try {
    await navigator.clipboard.writeText(url);
    toast(t("copied"));
  } catch {
    toast(t("not_copied"), "error");
  }
}
