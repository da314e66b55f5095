// The licences of this browser, and which of them this tab is. A licence is a secret: it is never shown again and never
// comes into an address. Tabs are toys of their own, so which one a tab is stays with the tab.

/** A toy that was switched on here before. `device_id` is what everybody may know of it; `toy_id`, what it was in its
 * family the last time. */
/** @typedef {{ licence: string, device_id: string, toy_id?: string }} KnownToy */

const KNOWN_AS = "toybackend.toy.licences";
const MINE_AS = "toybackend.toy.licence";
const TOY_AS = "toybackend.toy.id";

/**
 * What somebody typed or pasted, as 32 hex digits; null when it is no licence.
 * @param {string} typed
 */
export function readLicence(typed) {
  const licence = typed.replace(/[\s-]/g, "").toLowerCase();
  return /^[0-9a-f]{32}$/.test(licence) ? licence : null;
}

/** @returns {KnownToy[]} */
export function knownToys() {
  try {
    const kept = JSON.parse(localStorage.getItem(KNOWN_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one?.device_id === "string" && readLicence(String(one.licence))) : [];
  } catch {
    return [];
  }
}

/** @param {KnownToy} toy */
export const keepToy = (toy) => write([...knownToys().filter((one) => one.licence !== toy.licence), toy]);

/** @param {string} licence */
export function forgetToy(licence) {
  write(knownToys().filter((one) => one.licence !== licence));
  if (myLicence() === licence) becomeToy(null);
}

/** The licence of this tab, if it had one before. */
export const myLicence = () => readLicence(sessionStorage.getItem(MINE_AS) ?? "");

/** Which toy of a family this licence was the last time, as far as it is kept here; empty for none. @param {string} licence */
export function toyOf(licence) {
  const mine = licence === myLicence() ? sessionStorage.getItem(TOY_AS) : null;
  return mine ?? knownToys().find((one) => one.licence === licence)?.toy_id ?? "";
}

/** Now it is this one, in this tab and wherever its licence is kept. @param {string} licence @param {string} toyId */
export function isToyNow(licence, toyId) {
  if (licence === myLicence()) sessionStorage.setItem(TOY_AS, toyId);
  write(knownToys().map((one) => (one.licence === licence ? { ...one, toy_id: toyId } : one)));
}

/** @param {string | null} licence */
export function becomeToy(licence) {
  if (licence !== myLicence()) sessionStorage.removeItem(TOY_AS);
  if (licence) sessionStorage.setItem(MINE_AS, licence);
  else sessionStorage.removeItem(MINE_AS);
}

/** @param {KnownToy[]} toys */
const write = (toys) => localStorage.setItem(KNOWN_AS, JSON.stringify(toys));
