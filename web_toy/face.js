// Life in the bear's face: the mouth follows the sound, the eyes blink and look at whoever is there.

const BLINK_MS = 140;
const LONGEST_BLINK_PAUSE = 5_500;
const SHORTEST_BLINK_PAUSE = 1_800;
/** How far the eyes wander, in units of the drawing. */
const REACH = 4;
/** Between two places of the mouth, in milliseconds: drawn films have as many. Each has the head painted anew, and a
 * tablet that plays a story shall not get warm from it. */
const MOUTH_MS = 60;
/** As many places between shut and open. */
const PLACES = 8;
/** The mouth opens at once and closes softly. */
const CLOSING = 0.45;

export class Face {
  /**
   * @param {HTMLElement} element that the numbers are set on
   * @param {() => number} level of what sounds, 0…1
   * @param {() => boolean} isSounding
   */
  constructor(element, level, isSounding) {
    this.#element = element;
    this.#style = element.style;
    this.#level = level;
    this.#isSounding = isSounding;
    addEventListener("pointermove", (event) => this.#lookAt(event), { passive: true });
    this.#blinkLater();
  }

  #element;
  #style;
  #level;
  #isSounding;
  #isMoving = false;
  #mouth = 0;
  #place = 0;

  /** Something may sound now. While all is silent, the page has nothing to do. */
  follow() {
    if (this.#isMoving || !this.#isSounding()) return;
    this.#isMoving = true;
    this.#move();
  }

  #move = () => {
    const mouth = Math.max(this.#level(), this.#mouth * CLOSING);
    this.#mouth = mouth < 0.03 ? 0 : mouth;
    this.#open(Math.ceil(this.#mouth * PLACES));
    this.#isMoving = this.#mouth > 0 || this.#isSounding();
    if (this.#isMoving) setTimeout(this.#move, MOUTH_MS);
  };

  /** @param {number} place */
  #open(place) {
    if (place === this.#place) return;
    this.#place = place;
    // On the head alone: whatever is below it has its style looked up again.
    const head = /** @type {SVGElement | null} */ (this.#element.querySelector(".bear-head"));
    head?.style.setProperty("--mouth", `${place / PLACES}`);
  }

  #blinkLater() {
    const pause = SHORTEST_BLINK_PAUSE + Math.random() * (LONGEST_BLINK_PAUSE - SHORTEST_BLINK_PAUSE);
    setTimeout(() => this.#blink(), pause);
  }

  #blink() {
    this.#style.setProperty("--lids", "0.08");
    setTimeout(() => this.#style.setProperty("--lids", "1"), BLINK_MS);
    this.#blinkLater();
  }

  /** @param {PointerEvent} event */
  #lookAt({ clientX, clientY }) {
    this.#style.setProperty("--look-x", `${((clientX / innerWidth) * 2 - 1) * REACH}px`);
    this.#style.setProperty("--look-y", `${((clientY / innerHeight) * 2 - 1) * REACH}px`);
  }
}
