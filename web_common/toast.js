// Short words at the edge of the screen, also for a screen reader. Errors stay longer.

import { problemWords } from "./problems.js";

const SHOWN_MS = 4_000;
const ERROR_MS = 8_000;
const MOST = 3;

/** @param {string} words @param {"info" | "error"} kind */
export function toast(words, kind = "info") {
  bringForward();
  const note = document.createElement("div");
  note.className = `toast toast-${kind}`;
  note.textContent = words;
  note.addEventListener("click", () => note.remove());
  shelf.append(note);
  while (shelf.children.length > MOST) shelf.firstElementChild?.remove();
  setTimeout(() => note.remove(), kind === "error" ? ERROR_MS : SHOWN_MS);
}

/** Say what went wrong, in the reader's words. @param {unknown} error */
export function toastProblem(error) {
  toast(problemWords(error), "error");
}

/** It is there before its first word, or a screen reader misses that. */
const shelf = document.createElement("div");
shelf.className = "toasts";
shelf.setAttribute("role", "status");
shelf.setAttribute("aria-live", "polite");
document.body.append(shelf);

/** What is open above the page would hide it. */
function bringForward() {
  const above = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (shelf.parentElement === above) return;
  above.append(shelf);
  above.addEventListener("close", () => document.body.append(shelf), { once: true });
}
