// Sheets and questions: a real <dialog>, so that focus, Escape and screen readers work as they should.

import { html, nothing, render } from "./html.js";
import { texts } from "./texts.js";

const t = texts({
  en: { cancel: "Cancel", close: "Close" },
  zh: { cancel: "取消", close: "关闭" },
});

/** @typedef {import("./html.js").View} View */

/** A sheet that is open. Its view is drawn again whenever `draw` is called. */
export class Sheet {
  /**
   * @param {string} title
   * @param {(sheet: Sheet) => View} view what stands below the title
   */
  constructor(title, view) {
    this.#title = title;
    this.#view = view;
    this.element.className = "sheet";
    this.element.addEventListener("close", () => this.#gone());
    this.element.addEventListener("cancel", (event) => {
      if (this.staysOpen) event.preventDefault();
    });
    this.element.addEventListener("click", (event) => {
      if (!this.staysOpen && this.#isBeside(event)) this.close();
    });
    document.body.append(this.element);
    this.draw();
    this.element.showModal();
  }

  element = document.createElement("dialog");
  /** While something is under way that a tap beside the sheet, or Escape, shall not end. */
  staysOpen = false;
  #title;
  #view;
  /** @type {unknown} */
  #result;
  /** @type {(value: unknown) => void} */
  #resolve = () => {};
  /** What `close` was given; undefined when it was dismissed. @type {Promise<unknown>} */
  closed = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  draw() {
    this.element.setAttribute("aria-label", this.#title);
    render(
      html`<div class="stack">
        <div class="row spread">
          <h2 class="grow">${this.#title}</h2>
          <button class="icon-button" aria-label=${t("close")} @click=${() => this.close()}>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18" /></svg>
          </button>
        </div>
        ${this.#view(this)}
      </div>`,
      this.element,
    );
  }

  /** @param {unknown} [result] */
  close(result) {
    this.#result = result;
    this.element.close();
  }

  /** Clicks on the backdrop come to the dialog, as those on its own edge do. @param {MouseEvent} event */
  #isBeside({ target, clientX: x, clientY: y }) {
    const { left, right, top, bottom } = this.element.getBoundingClientRect();
    return target === this.element && (x < left || x > right || y < top || y > bottom);
  }

  #gone() {
    render(nothing, this.element);
    this.element.remove();
    this.#resolve(this.#result);
  }
}

/**
 * Ask before something that cannot be undone, or matters. True when they say yes.
 * @param {{ title: string, body?: View | string, yes: string, isDangerous?: boolean }} question
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, body = "", yes, isDangerous = false }) {
  const sheet = new Sheet(
    title,
    (open) => html`
      <div>${body}</div>
      <div class="actions">
        <button class="button secondary" @click=${() => open.close(false)}>${t("cancel")}</button>
        <button class="button ${isDangerous ? "danger" : ""}" @click=${() => open.close(true)}>${yes}</button>
      </div>
    `,
  );
  return (await sheet.closed) === true;
}
