// Light or dark: as the system has it, unless somebody chose.

/** @typedef {"system" | "light" | "dark"} Theme */

const KEPT_AS = "toybackend.theme";

/** @returns {Theme} */
export const theme = () => /** @type {Theme} */ (localStorage.getItem(KEPT_AS) ?? "system");

/** @param {Theme} wanted */
export function wear(wanted) {
  localStorage.setItem(KEPT_AS, wanted);
  show(wanted);
}

/** @param {Theme} wanted */
function show(wanted) {
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
}

show(theme());
