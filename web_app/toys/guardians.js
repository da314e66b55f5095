// The grown-ups of a toy: who they are, letting one more in, and letting go.

import { post, remove } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing, repeat } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { qrCode } from "../../web_common/qr.js";
import { confirm, Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { clockTime, date } from "../../web_common/times.js";
import { toast } from "../../web_common/toast.js";
import { grouped } from "./codes.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */
/** @typedef {import("../../web_common/types.js").Guardian} Guardian */
/** @typedef {import("../../web_common/types.js").Claim} Claim */

const t = texts({
  en: {
    code_until: "It works once, until {time}.",
    co_guardian: "guardian since {date}",
    invite: "Let another grown-up in",
    invite_words: "They open this app, choose “Add a toy”, and scan or type this code. Then they can talk with the toy and change its settings, as you can.",
    joined: "Another grown-up has joined.",
    leave: "Leave",
    leave_body: "You will not hear this toy any more, and it will not hear you.",
    leave_owner_body: "You will not hear this toy any more. It passes to {name}, who has been its guardian the longest.",
    leave_title: "Leave {name}?",
    only_owner: "Only {name} can let others in or give the toy away.",
    owner: "owner since {date}",
    qr: "QR code to let another grown-up in",
    send_away: "Send {name} away",
    send_away_body: "They will not hear this toy any more, and it will not hear them.",
    send_away_title: "Send {name} away?",
    send_away_yes: "Send away",
    title: "Grown-ups",
    you: "{name} (you)",
  },
  zh: {
    code_until: "只能用一次，{time} 前有效。",
    co_guardian: "{date}起为监护人",
    invite: "邀请另一位家长",
    invite_words: "请对方打开本应用，选择“添加玩具”，扫描或输入这个码。之后对方也能和玩具说话、更改设置。",
    joined: "另一位家长已加入。",
    leave: "退出",
    leave_body: "你将不再听到这个玩具，它也听不到你。",
    leave_owner_body: "你将不再听到这个玩具。它会交给最早成为监护人的{name}。",
    leave_title: "不再照看{name}？",
    only_owner: "只有{name}可以邀请别人或解绑玩具。",
    owner: "{date}起为主人",
    qr: "邀请另一位家长的二维码",
    send_away: "移除{name}",
    send_away_body: "对方将不再听到这个玩具，它也听不到对方。",
    send_away_title: "要移除{name}吗？",
    send_away_yes: "移除",
    title: "家长",
    you: "{name}（你）",
  },
});

export class Guardians {
  /** @param {App} app */
  constructor(app) {
    this.#app = app;
  }

  #app;

  /** @param {Toy} toy */
  view(toy) {
    const owner = toy.guardians[0];
    return html`
      <section class="card" aria-labelledby="toy-guardians">
        <h2 id="toy-guardians">${t("title")}</h2>
        <ul class="list">${repeat(toy.guardians, (one) => one.id, (one) => this.#row(toy, one))}</ul>
        ${this.isOwner(toy)
          ? html`<button class="button secondary" @click=${() => this.#invite(toy)}>${icon("add")} ${t("invite")}</button>`
          : html`<p class="small quiet">${t("only_owner", { name: owner?.name ?? "" })}</p>`}
      </section>
    `;
  }

  /** @param {Toy} toy */
  isOwner = (toy) => toy.guardians.some((one) => one.role === "owner" && this.#isMe(one));

  /** @param {Guardian} one */
  #isMe = (one) => one.id === this.#app.myId;

  /** @param {Toy} toy @param {Guardian} one */
  #row(toy, one) {
    const { id, name, role, since } = one;
    return html`<li class="list-row">
      ${avatar({ id, name })}
      <span class="grow">
        <span>${this.#isMe(one) ? t("you", { name }) : name}</span><br />
        <span class="small quiet">${t(role, { date: date(since) })}</span>
      </span>
      ${this.#rowButton(toy, one)}
    </li>`;
  }

  /** @param {Toy} toy @param {Guardian} one */
  #rowButton(toy, one) {
    if (this.#isMe(one)) {
      if (toy.guardians.length === 1) return nothing; // the last one can only give it away
      return html`<button class="button secondary" @click=${() => this.#leave(toy, one)}>${t("leave")}</button>`;
    }
    if (!this.isOwner(toy)) return nothing;
    return html`<button class="icon-button" aria-label=${t("send_away", { name: one.name })} @click=${() => this.#sendAway(toy, one)}>
      ${icon("close")}
    </button>`;
  }

  /** @param {Toy} toy */
  #invite = (toy) => this.#app.attempt(async () => {
    const claim = await post(`/toys/${toy.id}/guardians`);
    const sheet = new Sheet(t("invite"), () => invitation(claim));
    const joined = (/** @type {Event} */ event) => {
      const { event: what, id } = /** @type {CustomEvent} */ (event).detail;
      if (what !== "bound" || id !== toy.id) return;
      sheet.close();
      toast(t("joined"));
    };
    this.#app.link.addEventListener("frame:notice", joined);
    void sheet.closed.then(() => this.#app.link.removeEventListener("frame:notice", joined));
  });

  /** @param {Toy} toy @param {Guardian} one */
  async #leave(toy, one) {
    const heir = toy.guardians.find((other) => other !== one);
    const body = one.role === "owner" ? t("leave_owner_body", { name: heir?.name ?? "" }) : t("leave_body");
    if (!(await confirm({ title: t("leave_title", { name: toy.name }), body, yes: t("leave"), isDangerous: true }))) return;
    if (await this.#end(toy, one)) this.#app.go("toys");
  }

  /** @param {Toy} toy @param {Guardian} one */
  async #sendAway(toy, one) {
    const { name } = one;
    const title = t("send_away_title", { name });
    if (await confirm({ title, body: t("send_away_body"), yes: t("send_away_yes"), isDangerous: true })) await this.#end(toy, one);
  }

  /** @param {Toy} toy @param {Guardian} one */
  #end = (toy, one) => this.#app.attempt(async () => {
    await remove(`/toys/${toy.id}/guardians/${one.id}`);
    await this.#app.family.load();
  });
}

/** @param {Claim} claim */
function invitation({ code, qr, expires_at }) {
  return html`
    <p>${t("invite_words")}</p>
    <div class="toy-qr">${qrCode(qr, t("qr"))}</div>
    <p class="toy-claim">${grouped(code)}</p>
    <p class="small quiet toy-until">${t("code_until", { time: clockTime(expires_at) })}</p>
  `;
}
