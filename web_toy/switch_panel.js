// The toy is off: which one it shall be, and the switch.

import { html, live, nothing } from "../web_common/html.js";
import { texts } from "../web_common/texts.js";
import { forgetToy, knownToys, myLicence, readLicence, toyOf } from "./licences.js";
import { wipe } from "./traces.js";

/** @typedef {import("./toy.js").Toy} Toy */

const t = texts({
  en: {
    another: "Another toy…",
    forget: "Forget this toy here",
    hint: "32 letters and digits, from the maker of the toy.",
    keep: "Keep in this browser",
    licence: "Licence of the toy",
    known: "toy …{end}",
    known_plain: "toy {n}",
    on: "Switch on",
    which: "Which toy?",
    wrong: "A licence has 32 characters: digits and the letters a to f.",
  },
  zh: {
    another: "另一个玩具…",
    forget: "在这里忘掉这个玩具",
    hint: "由玩具厂家提供，共 32 位字母和数字。",
    keep: "保存在这个浏览器里",
    licence: "玩具的授权码",
    known: "玩具 …{end}",
    known_plain: "玩具 {n}",
    on: "开机",
    which: "哪个玩具？",
    wrong: "授权码共 32 位，只含数字和字母 a 到 f。",
  },
});

export class SwitchPanel {
  /** @param {Toy} toy @param {() => void} changed */
  constructor(toy, changed) {
    this.#toy = toy;
    this.#changed = changed;
    this.#chosen = myLicence() ?? knownToys()[0]?.licence ?? "";
  }

  #toy;
  #changed;
  /** The licence that is chosen; empty for one to be typed. */
  #chosen;
  #typed = "";
  #keeps = true;
  #isWrong = false;

  view = () => {
    const known = knownToys();
    const isMine = this.#chosen !== "" && !known.some((one) => one.licence === this.#chosen);
    return html`<form class="switch-panel" autocomplete="off" @submit=${this.#submit}>
      ${known.length || isMine ? this.#choice(known, isMine) : nothing} ${this.#chosen ? nothing : this.#field()}
      ${this.#chosen ? this.#forgetting(known) : this.#keeping()}
      <button class="switch switch-big" type="submit" role="switch" aria-checked="false">${t("on")}<span class="switch-knob"></span></button>
    </form>`;
  };

  /** @param {import("./licences.js").KnownToy[]} known @param {boolean} isMine chosen in this tab, and not kept */
  #choice(known, isMine) {
    const choices = known.map(({ licence, device_id }, at) => ({
      licence,
      words: device_id ? t("known", { end: device_id.slice(-4) }) : t("known_plain", { n: at + 1 }),
    }));
    if (isMine) choices.push({ licence: this.#chosen, words: this.#toy.deviceId ? t("known", { end: this.#toy.deviceId.slice(-4) }) : t("known_plain", { n: known.length + 1 }) });
    const at = this.#chosen ? choices.findIndex((one) => one.licence === this.#chosen) : choices.length;
    const choose = (/** @type {Event} */ event) => this.#choose(choices[Number(/** @type {HTMLSelectElement} */ (event.target).value)]?.licence ?? "");
    // An option's value is its place: a licence is not written into the page.
    return html`<label class="field"><span>${t("which")}</span>
      <select .value=${live(String(at))} @change=${choose}>
        ${choices.map(({ words }, place) => html`<option value=${place} ?selected=${place === at}>${words}</option>`)}
        <option value=${choices.length} ?selected=${!this.#chosen}>${t("another")}</option>
      </select>
    </label>`;
  }

  #field() {
    const type = (/** @type {Event} */ event) => {
      this.#typed = /** @type {HTMLInputElement} */ (event.target).value;
      if (this.#isWrong && readLicence(this.#typed)) this.#wrong(false);
    };
    return html`<div class="field">
      <label for="licence">${t("licence")}</label>
      <input id="licence" class="licence" .value=${live(this.#typed)} @input=${type} autocapitalize="off" autocomplete="off" autocorrect="off"
        spellcheck="false" maxlength="64" aria-describedby="licence-hint" aria-invalid=${this.#isWrong} />
      <p id="licence-hint" class=${this.#isWrong ? "problem" : "hint"} role="status">${t(this.#isWrong ? "wrong" : "hint")}</p>
    </div>`;
  }

  #keeping() {
    const keep = (/** @type {Event} */ event) => (this.#keeps = /** @type {HTMLInputElement} */ (event.target).checked);
    return html`<label class="row"><input type="checkbox" .checked=${live(this.#keeps)} @change=${keep} />${t("keep")}</label>`;
  }

  /** @param {import("./licences.js").KnownToy[]} known */
  #forgetting(known) {
    if (!known.some((one) => one.licence === this.#chosen)) return nothing;
    return html`<div><button type="button" class="link-button" @click=${this.#forget}>${t("forget")}</button></div>`;
  }

  /** @param {string} licence */
  #choose(licence) {
    this.#chosen = licence;
    this.#changed();
  }

  #forget = () => {
    const toyId = toyOf(this.#chosen);
    if (toyId) void wipe(toyId);
    forgetToy(this.#chosen);
    this.#choose(knownToys()[0]?.licence ?? "");
  };

  /** @param {boolean} isWrong */
  #wrong(isWrong) {
    this.#isWrong = isWrong;
    this.#changed();
  }

  #submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const isKnown = this.#chosen !== "";
    const licence = isKnown ? this.#chosen : readLicence(this.#typed);
    this.#wrong(!licence);
    if (!licence) return;
    const keeps = isKnown ? knownToys().some((one) => one.licence === licence) : this.#keeps;
    this.#chosen = licence;
    this.#typed = "";
    void this.#toy.switchOn(licence, keeps);
  };
}
