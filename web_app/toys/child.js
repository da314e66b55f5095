// The child behind the toy: the name, and what its grown-ups agreed to.

import { remove } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { confirm } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { date } from "../../web_common/times.js";
import { askConsent, showConsent } from "./consent.js";
import { tellWhatWent } from "./went.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./changes.js").Changes} Changes */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    agree: "Read and agree",
    agreed: "{name} agreed on {date}.",
    former: "A former guardian",
    name: "Your child's name (if you like)",
    not_agreed: "Nobody has agreed yet to what is kept about your child. Only your child's name needs it.",
    paused: "This toy is paused",
    paused_words: "The consent was withdrawn. Nobody can talk with the toy until a grown-up agrees again.",
    read: "Read the text",
    title: "Your child",
    withdraw: "Withdraw",
    withdraw_body: "At once the toy is paused, your child's name is forgotten, and everything that the toy said, heard and played is erased, for everybody. This cannot be undone.",
    withdraw_title: "Withdraw the consent?",
    withdraw_yes: "Withdraw and erase",
    withdrawn: "The consent is withdrawn",
  },
  zh: {
    agree: "阅读并同意",
    agreed: "{name}于{date}同意。",
    former: "以前的监护人",
    name: "孩子的名字（可不填）",
    not_agreed: "还没有人同意保存孩子的信息。只有填写孩子的名字才需要。",
    paused: "这个玩具已暂停",
    paused_words: "同意已被撤回。在家长重新同意之前，谁也不能和它说话。",
    read: "查看全文",
    title: "孩子",
    withdraw: "撤回同意",
    withdraw_body: "玩具会立即暂停，孩子的名字会被清除，玩具说过、听过、播放过的一切都会为所有人删除，且无法恢复。",
    withdraw_title: "要撤回同意吗？",
    withdraw_yes: "撤回并删除",
    withdrawn: "同意已撤回",
  },
});

export class Child {
  /** @param {App} app @param {Changes} changes */
  constructor(app, changes) {
    this.#app = app;
    this.#changes = changes;
  }

  #app;
  #changes;

  /** Only while it is paused. @param {Toy} toy */
  banner(toy) {
    if (!toy.paused) return nothing;
    return html`<section class="card toy-paused" aria-labelledby="toy-paused">
      <h2 id="toy-paused">${t("paused")}</h2>
      <p>${t("paused_words")}</p>
      <div><button class="button" @click=${() => this.#agree(toy)}>${t("agree")}</button></div>
    </section>`;
  }

  /** @param {Toy} toy */
  view(toy) {
    return html`
      <section class="card" aria-labelledby="toy-child">
        <h2 id="toy-child">${t("title")}</h2>
        <div class="field">
          <label for="toy-child-name">${t("name")}</label>
          <input id="toy-child-name" maxlength="64" autocomplete="off" .value=${toy.child_name} aria-describedby="toy-consent"
            @change=${(/** @type {Event} */ event) => this.#rename(toy, /** @type {HTMLInputElement} */ (event.target))} />
        </div>
        <p class="small quiet" id="toy-consent">${consentWords(toy)}</p>
        <div class="row">
          ${toy.consent
            ? html`<button class="button secondary" @click=${() => this.#app.attempt(showConsent)}>${t("read")}</button>
                <button class="button danger" @click=${() => this.#withdraw(toy)}>${t("withdraw")}</button>`
            : html`<button class="button secondary" @click=${() => this.#agree(toy)}>${t("agree")}</button>`}
        </div>
      </section>
    `;
  }

  /** @param {Toy} toy @param {HTMLInputElement} field */
  async #rename(toy, field) {
    const child_name = field.value.trim();
    if (!child_name || toy.consent || (await this.#agree(toy))) this.#changes.make({ child_name });
    else field.value = toy.child_name;
  }

  /** True when they did. @param {Toy} toy */
  async #agree(toy) {
    let isAgreed = false;
    await this.#app.attempt(async () => {
      isAgreed = await askConsent(toy.id);
      if (isAgreed) await this.#app.family.load();
    });
    return isAgreed;
  }

  /** @param {Toy} toy */
  async #withdraw(toy) {
    if (!(await confirm({ title: t("withdraw_title"), body: t("withdraw_body"), yes: t("withdraw_yes"), isDangerous: true }))) return;
    await this.#app.attempt(async () => {
      const went = await remove(`/toys/${toy.id}/consent`);
      await this.#app.family.load();
      tellWhatWent(t("withdrawn"), went);
    });
  }
}

/** @param {Toy} toy */
function consentWords({ consent, guardians }) {
  if (!consent) return t("not_agreed");
  const name = guardians.find((one) => one.id === consent.given_by)?.name ?? t("former");
  return t("agreed", { name, date: date(consent.given_at) });
}
