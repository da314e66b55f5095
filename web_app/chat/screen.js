// A chat: its history, which scrolls, and the composer below. What happens is put together here; each part is a module.

import { get } from "../../web_common/api.js";
import { html, nothing, ref } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { problemWords } from "../../web_common/problems.js";
import { listed } from "../../web_common/texts.js";
import { presenceOf, restsUntil } from "../presence.js";
import { Composer } from "./composer.js";
import { firstFresh, itemsOf, listOf } from "./list.js";
import { Listening } from "./listening.js";
import { openMenu } from "./menu.js";
import { called } from "./names.js";
import { Scroller } from "./scroller.js";
import { Sound } from "./sound.js";
import { Span } from "./span.js";
import { Thread } from "./thread.js";
import { t } from "./words.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./row.js").Row} Row */
/** @typedef {import("../../web_common/types.js").Group} Group */
/** @typedef {import("../../web_common/types.js").Frame} Frame */

const FRAMES = ["voice", "text", "delivered", "heard", "failed", "notice"];

export class ChatScreen {
  /** @param {App} app @param {string} id of the conversation */
  constructor(app, id) {
    this.#app = app;
    this.#id = id;
    this.#thread = new Thread(id, app.myId, app.outbox, () => this.#changed());
    this.#listening = new Listening(app, this.#thread);
    this.#sound = new Sound(app, this.#thread, this.#listening);
    this.#scroller = new Scroller({
      onOlder: () => void this.#toOlder(),
      onNewer: () => this.#toNewer(),
      onMoved: (isByHand) => this.#moved(isByHand),
      isWhole: () => this.#span.isAtEnd,
    });
  }

  isFull = true;
  #app;
  #id;
  #thread;
  #listening;
  #sound;
  #scroller;
  #span = new Span();
  /** @type {Composer | null} */
  #composer = null;
  /** Whom a group consists of; null until that is known. @type {Group | null} */
  #group = null;
  /** What came while one reads older ones. */
  #missed = 0;
  #pendingCount = 0;
  /** Older ones did not come. Nobody asks again until somebody scrolls, or there is a new connection. */
  #lacksOlder = false;
  /** The first that was not heard when the chat was opened; undefined until that is known. @type {string | null | undefined} */
  #freshKey;
  #wasAtEnd = true;
  /** Which version of the rows is on the screen. */
  #drawn = -1;
  #until = new AbortController();

  title = () => (this.#conversation ? called(this.#conversation) : t("chat"));

  async open() {
    const { signal } = this.#until;
    const { link, outbox } = this.#app;
    const on = (/** @type {EventTarget} */ from, /** @type {string} */ name, /** @type {(detail: any) => void} */ take) =>
      from.addEventListener(name, (event) => take(/** @type {CustomEvent} */ (event).detail), { signal });
    for (const type of FRAMES) on(link, `frame:${type}`, (frame) => this.#took(frame));
    on(link, "frame:welcome", () => this.#cameBack());
    on(outbox, "accepted", (detail) => this.#thread.accepted(detail));
    on(outbox, "change", () => this.#sent());
    this.#pendingCount = this.#thread.pending.length;
    // Whoever opens a chat wants to know whether the other is there now, not half a minute ago. What is not here yet is
    // on its way, and new.
    if (this.#app.family.isLoaded) void this.#app.family.load();
    await Promise.all([this.#thread.read(), this.#findGroup()]);
  }

  close() {
    this.#until.abort();
    this.#composer?.close();
    this.#sound.close();
    this.#listening.close();
    this.#thread.close();
  }

  subtitle() {
    const conversation = this.#conversation;
    if (!conversation) return nothing;
    const presence = presenceOf(this.#app.family, conversation);
    if (presence) return html`<p class="chat-presence ${presence.is}">${presence.words}</p>`;
    if (!this.#group) return nothing;
    const others = this.#group.members.filter((one) => one.id !== this.#app.myId).map((one) => one.name);
    return html`<p class="chat-presence one-line">${listed([...others, t("me")])}</p>`;
  }

  action() {
    const toy = this.#app.family.toy(this.#id);
    if (!toy) return nothing;
    return html`<a class="icon-button" href="#/toys/${toy.id}" aria-label=${t("toy", { name: toy.name })}>${icon("settings")}</a>`;
  }

  view() {
    this.#settleAfterDrawing();
    return html`<div class="chat">
      <div class="chat-scroll" role="log" aria-live="polite" aria-relevant="additions" aria-label=${t("log")} tabindex="0"
        aria-busy=${!this.#thread.isLoaded || this.#thread.isLoadingOlder} ${ref(this.#scroller.attach)}>
        ${this.#history()}
      </div>
      ${this.#toEndButton()} ${this.#below()}
    </div>`;
  }

  get #conversation() {
    return this.#app.family.conversation(this.#id);
  }

  get #isGroup() {
    return this.#id.startsWith("g_");
  }

  // ── what is seen ──

  #history() {
    const { isLoaded, problem, rows, pending, hasOlder } = this.#thread;
    if (this.#freshKey === undefined && isLoaded) this.#freshKey = firstFresh(rows);
    const shown = [...this.#span.cut(rows), ...(this.#span.isAtEnd ? pending : [])];
    const around = { isGroup: this.#isGroup, heldUntil: this.#heldUntil, deeds: this.#deeds };
    return html`
      ${problem && !shown.length ? this.#problem(problem) : nothing}
      ${!isLoaded && !problem && !shown.length ? skeleton() : nothing}
      ${isLoaded && !shown.length ? html`<p class="chat-empty">${t("empty")}</p>` : nothing}
      <p class="chat-older" ?hidden=${!hasOlder || !isLoaded}>${t("older")}</p>
      <ol class="chat-list" ?hidden=${!shown.length} ${ref(this.#scroller.attachList)}>${listOf(this.#app, itemsOf(shown, this.#freshKey ?? null), around)}</ol>
    `;
  }

  /** @param {unknown} problem */
  #problem(problem) {
    return html`<div class="empty">
      <p>${problemWords(problem)}</p>
      <button class="button secondary" @click=${() => void this.#thread.read()}>${t("again")}</button>
    </div>`;
  }

  #toEndButton() {
    if (this.#scroller.isAtEnd) return nothing;
    const name = this.#missed ? t("newCount", { n: this.#missed }) : t("newest");
    return html`<div class="chat-to-end">
      <button class="icon-button" aria-label=${name} @click=${this.#toEnd}>
        ${icon("up")}${this.#missed ? html`<span class="badge" aria-hidden="true">${this.#missed}</span>` : nothing}
      </button>
    </div>`;
  }

  #below() {
    const conversation = this.#conversation;
    if (!conversation) return nothing;
    if (conversation.may_send) return this.#composed(conversation).view();
    const isPaused = this.#app.family.toy(this.#id)?.paused;
    return html`<p class="chat-closed">${t(isPaused ? "paused" : "over", { name: called(conversation) })}</p>`;
  }

  /** The composer begins when it is known with whom we talk. @param {import("../../web_common/types.js").Conversation} conversation */
  #composed(conversation) {
    if (!this.#composer) {
      this.#composer = new Composer(this.#app, conversation);
      this.#composer.open();
    }
    return this.#composer;
  }

  /** Until when a message waits for somebody who rests. @param {Row} row @param {string} toUser */
  #heldUntil = (row, toUser) => {
    const told = row.held[toUser];
    if (told && Date.parse(told) > Date.now()) return told;
    return restsUntil(this.#app.family.toy(toUser));
  };

  /** Other rows are about to be drawn; where somebody is among them is not known before. */
  get #isStale() {
    return this.#drawn !== this.#thread.version;
  }

  /** The microtask comes after the drawing and before anything of it is seen. */
  #settleAfterDrawing() {
    const isFirst = this.#freshKey === undefined && this.#thread.isLoaded;
    queueMicrotask(() => {
      const { element } = this.#scroller;
      if (!element) return;
      this.#listening.watch(element);
      const fresh = isFirst ? element.querySelector(".chat-new") : null;
      const isNew = this.#isStale;
      this.#drawn = this.#thread.version;
      if (fresh) this.#scroller.toRow(fresh);
      else if (isNew) this.#scroller.settle();
    });
  }

  // ── what happens ──

  /** @param {Frame} frame */
  #took(frame) {
    const isNew = this.#thread.take(frame);
    if (isNew && !this.#scroller.isAtEnd) this.#missed += 1;
  }

  #cameBack() {
    this.#lacksOlder = false;
    void this.#thread.missed();
    if (!this.#group) void this.#findGroup();
  }

  /** Whoever has just said something wants to see it. */
  #sent() {
    const count = this.#thread.pending.length;
    if (count > this.#pendingCount) this.#toEnd();
    this.#pendingCount = count;
  }

  async #findGroup() {
    if (!this.#isGroup) return;
    const { groups } = await get("/groups").catch(() => ({ groups: [] }));
    this.#group = groups.find((/** @type {Group} */ one) => one.id === this.#id) ?? null;
    this.#app.changed();
  }

  async #toOlder() {
    if (!this.#thread.isLoaded || this.#isStale) return;
    if (!this.#span.hasOlder(this.#thread.rows)) {
      if (!this.#thread.hasOlder || this.#thread.isLoadingOlder || this.#lacksOlder) return;
      this.#lacksOlder = !(await this.#thread.readOlder());
      if (this.#lacksOlder) return;
    }
    this.#span.toOlder(this.#thread.rows);
    this.#redraw();
  }

  #toNewer() {
    if (this.#span.isAtEnd || this.#isStale) return;
    this.#span.toNewer(this.#thread.rows);
    this.#redraw();
  }

  #toEnd = () => {
    this.#missed = 0;
    if (!this.#span.isAtEnd) this.#span.toEnd(this.#thread.rows);
    this.#scroller.toEnd();
    this.#redraw();
  };

  /** @param {boolean} isByHand */
  #moved(isByHand) {
    if (isByHand) this.#lacksOlder = false;
    const { isAtEnd } = this.#scroller;
    if (isAtEnd === this.#wasAtEnd) return;
    this.#wasAtEnd = isAtEnd;
    if (isAtEnd) this.#missed = 0;
    this.#app.changed();
  }

  #changed() {
    this.#sound.follow();
    this.#app.changed();
  }

  /** The rows are the same, and other ones of them are drawn. */
  #redraw() {
    this.#drawn = -1;
    this.#app.changed();
  }

  /** @type {import("./bubble.js").Deeds} */
  #deeds = {
    play: (row) => void this.#sound.play(row),
    seek: (row, share) => void this.#sound.seek(row, share),
    speed: () => this.#app.player.nextSpeed(),
    menu: (row) => void openMenu(this.#app, this.#thread, row, this.#heldUntil),
    retry: (row) => void this.#app.attempt(() => this.#app.outbox.retry(row.key)),
    discard: (row) => void this.#app.attempt(() => this.#app.outbox.discard(row.key)),
  };
}

const skeleton = () =>
  html`<div class="chat-skeleton" aria-label=${t("loading")} role="img">${[0, 1, 2, 3].map(() => html`<span></span>`)}</div>`;
