// Switching on: which of its three states the server sees the toy in. Where the browser can compute a proof, the licence
// itself never travels.

import { Problem, post } from "../web_common/api.js";

/** @typedef {{ name: string, url: string, text: string }} BootPrompt */
/** @typedef {import("../web_common/types.js").Claim} Claim */
/** @typedef {import("../web_common/types.js").ToySettings} ToySettings */
/** @typedef {{ id: string, name: string, child_name?: string, settings: ToySettings }} BoundToy */
/** @typedef {{ state: "unlicensed" | "unbound" | "ready", prompt: BootPrompt, claim?: Claim, toy?: BoundToy, token: string,
 *   ws_url: string }} Boot */

/** The server wants nothing of us: there is no sense in asking again. */
export class TurnedAway extends Error {
  final = true;

  /** @param {string} code @param {"refused" | "insecure"} reason `insecure`: it wants a proof, and this page can give none */
  constructor(code, reason = "refused") {
    super(code);
    this.reason = reason;
  }
}

/** Nobody is kept waiting longer than this, in milliseconds. */
const MOST_PATIENCE = 60_000;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * What everybody may call the device of this licence; empty where the browser has no cryptography.
 * @param {string} licence
 */
export async function deviceId(licence) {
  if (!canProve()) return "";
  const twice = await sha256(await sha256(new TextEncoder().encode(licence)));
  return `d_${base32(twice).slice(0, 20)}`;
}

/**
 * Ask the server who we are. `unlicensed` is an answer and no error. Throws TurnedAway; or, not before it makes sense
 * to ask again, Problem.
 * @param {string} licence
 * @returns {Promise<Boot>}
 */
export async function powerOn(licence) {
  try {
    return await post("/devices/authorize", await proof(licence));
  } catch (error) {
    if (error instanceof Problem && error.body?.state === "unlicensed") return { token: "", ws_url: "", ...error.body };
    if (error instanceof Problem && error.status === 401) throw new TurnedAway(error.code);
    if (error instanceof Problem && error.status === 403) throw new TurnedAway(error.code, canProve() ? "refused" : "insecure");
    if (error instanceof Problem && error.retryAfter) await pause(Math.min(error.retryAfter * 1000, MOST_PATIENCE));
    throw error;
  }
}

/** Pages that did not come over HTTPS have no cryptography. */
const canProve = () => Boolean(globalThis.crypto?.subtle);

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {string} licence */
async function proof(licence) {
  const device_id = await deviceId(licence);
  if (!device_id) return { license: licence };
  const { nonce } = await post("/devices/challenge", { device_id });
  return { device_id, nonce, proof: hex(await sign(await sha256(new TextEncoder().encode(licence)), nonce)) };
}

/** @param {BufferSource} bytes */
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** HMAC-SHA256. @param {BufferSource} key @param {string} text */
async function sign(key, text) {
  const signer = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", signer, new TextEncoder().encode(text)));
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");

/** RFC 4648 in small letters, of the first 100 bits. @param {Uint8Array} bytes */
function base32(bytes) {
  const bits = Array.from(bytes.slice(0, 15), (one) => one.toString(2).padStart(8, "0")).join("");
  return Array.from(bits.match(/.{5}/g) ?? [], (five) => BASE32[parseInt(five, 2)]).join("");
}
