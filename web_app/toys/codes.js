// What was scanned, typed or pasted, and what it leads to. Pure.

import { readContactId } from "../people/contact_id.js";

/** A toy that looks for its family, or a person or toy of another one. @typedef {{ claim: string } | { contact: string }} Code */

const CLAIM_LENGTH = 8;
const CLAIM = new RegExp(`^[A-Z0-9]{${CLAIM_LENGTH}}$`);

/** A code or a link of ours; null for anything else. @param {string} text @returns {Code | null} */
export function readCode(text) {
  const asked = queryOf(text);
  const contact = readContactId(asked?.get("contact") ?? "");
  if (contact) return { contact };
  const letters = bare(asked ? (asked.get("claim") ?? "") : text);
  return CLAIM.test(letters) ? { claim: grouped(letters) } : null;
}

/** As the toy shows it, as far as it is typed: `k7pf3m` → `K7PF-3M`. @param {string} text */
export function grouped(text) {
  const letters = bare(text).slice(0, CLAIM_LENGTH);
  return letters.length > 4 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters;
}

/** @param {string} text */
const bare = (text) => text.toUpperCase().replace(/[^A-Z0-9]/g, "");

/** What a link asks for. By which name it calls our server does not matter. @param {string} text */
function queryOf(text) {
  const link = /^\s*(https?:\/\/\S+)\s*$/i.exec(text)?.[1];
  return link && URL.canParse(link) ? new URL(link).searchParams : null;
}
