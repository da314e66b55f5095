// Keeps the place of whoever reads: at the end it stays at the end, elsewhere the same message stays where it is,
// whatever is put above or below, and also while the keyboard opens.

/** So near to the end counts as there, in pixels. */
const NEAR = 48;
/** So far before an edge more is asked for. */
const AHEAD = 900;

export class Scroller {
  /**
   * @param {{ onOlder: () => void, onNewer: () => void, onMoved: (isByHand: boolean) => void,
   *   isWhole: () => boolean }} on `isByHand`: somebody scrolled; `isWhole`: nothing newer is missing below
   */
  constructor({ onOlder, onNewer, onMoved, isWhole }) {
    this.#isWhole = isWhole;
    this.#onOlder = onOlder;
    this.#onNewer = onNewer;
    this.#onMoved = onMoved;
  }

  /** At the end, and to stay there. */
  isAtEnd = true;
  /** @type {HTMLElement | null} */
  element = null;

  #onOlder;
  #onNewer;
  #onMoved;
  #isWhole;
  /** The first row that is seen, and how far below the upper edge it begins. @type {{ row: Element, top: number } | null} */
  #anchor = null;
  /** Where it was put by us. */
  #settledAt = 0;
  /** The list grows also between two drawings, by a word below a message say; the other one shrinks with the keyboard. */
  #watch = new ResizeObserver(() => this.settle());
  /** @type {Element | null} */
  #list = null;

  /** For lit's `ref`: what scrolls. */
  attach = (/** @type {Element | undefined} */ element) => {
    if (this.element) this.#watch.unobserve(this.element);
    this.element?.removeEventListener("scroll", this.#moved);
    this.element = /** @type {HTMLElement | null} */ (element ?? null);
    if (element) this.#watch.observe(element);
    element?.addEventListener("scroll", this.#moved, { passive: true });
  };

  /** For lit's `ref`: what it scrolls, the list of the messages. It comes later than what it stands in. */
  attachList = (/** @type {Element | undefined} */ element) => {
    if (this.#list) this.#watch.unobserve(this.#list);
    this.#list = element ?? null;
    if (element) this.#watch.observe(element);
  };

  /** After the rows were drawn anew: everything is put back to where it was. */
  settle() {
    const { element } = this;
    if (!element) return;
    if (this.isAtEnd) element.scrollTop = element.scrollHeight;
    else if (this.#anchor?.row.isConnected) element.scrollTop += this.#topOf(this.#anchor.row) - this.#anchor.top;
    this.#settledAt = element.scrollTop;
    this.#remember();
    this.#askForMore();
  }

  toEnd() {
    this.isAtEnd = true;
    this.settle();
  }

  /** Its upper edge comes to the upper edge, where there is enough below. @param {Element} row */
  toRow(row) {
    const { element } = this;
    if (!element) return;
    element.scrollTop += this.#topOf(row);
    this.isAtEnd = this.#isNearEnd();
    this.settle();
  }

  #moved = () => {
    // Else it is the echo of what we did ourselves.
    const isByHand = this.element?.scrollTop !== this.#settledAt;
    this.isAtEnd = this.#isNearEnd();
    this.#remember();
    this.#onMoved(isByHand);
    this.#askForMore();
  };

  #isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = /** @type {HTMLElement} */ (this.element);
    return scrollHeight - scrollTop - clientHeight < NEAR && this.#isWhole();
  }

  #askForMore() {
    const { scrollHeight, scrollTop, clientHeight } = /** @type {HTMLElement} */ (this.element);
    if (scrollTop < AHEAD) this.#onOlder();
    else if (scrollHeight - scrollTop - clientHeight < AHEAD) this.#onNewer();
  }

  /** The messages stand one below the other, so the first that is seen is found by halving. Separators move about. */
  #remember() {
    const rows = this.element?.querySelectorAll(":scope > ol > .chat-item") ?? [];
    let [first, end] = [0, rows.length];
    while (first < end) {
      const middle = (first + end) >> 1;
      const row = /** @type {Element} */ (rows[middle]);
      if (this.#topOf(row) + row.clientHeight > 0) end = middle;
      else first = middle + 1;
    }
    const row = rows[first];
    this.#anchor = row ? { row, top: this.#topOf(row) } : null;
  }

  /** @param {Element} row */
  #topOf(row) {
    const edge = /** @type {HTMLElement} */ (this.element).getBoundingClientRect().top;
    return row.getBoundingClientRect().top - edge;
  }
}
