// A message that the outbox has: as it is shown, as it is kept, and as it goes over the wire.

/** What somebody said, and to whom: a person, a toy or a group.
 * @typedef {{ to_user?: string, to_group?: string, msg?: string, audio?: Blob, duration_ms?: number,
 *   waveform?: number[], now?: boolean }} Message */
/**
 * A message of ours that is not accepted yet, or was refused.
 * @typedef {Message & { ref: string, sha256?: string, at: number, state: "waiting" | "sending" | "failed",
 *   code?: string }} Pending
 */

/** Whose conversation it belongs to. @param {Message} message */
export const placeOf = ({ to_user, to_group }) => to_user ?? to_group;

/** The text frame; of a voice, its header. @param {Pending} one */
export function frameOf({ to_user, to_group, ref, msg, now, audio, sha256 }) {
  return { to_user, to_group, ref, msg, now: now || undefined, bytes: audio?.size, sha256 };
}

/** As it is kept: bytes, because not every browser keeps a Blob for good. @param {Pending} one */
export async function rowOf({ state, audio, ...rest }) {
  return audio ? { ...rest, audio: await audio.arrayBuffer(), audio_type: audio.type } : rest;
}

/**
 * What is kept, as a message again; the same object where we have it already.
 * @param {import("./kept.js").Row} row
 * @param {Pending | undefined} before
 * @returns {Pending}
 */
export function pendingOf({ audio: bytes, audio_type: type, ...row }, before) {
  const audio = before?.audio ?? (bytes && new Blob([bytes], { type }));
  const state = row.code ? "failed" : before?.state === "sending" ? "sending" : "waiting";
  return Object.assign(before ?? /** @type {any} */ ({}), { ...row, audio, state, code: row.code });
}

/** 128 random bits; `crypto.randomUUID` is not there on insecure pages. */
export const newRef = () => [...crypto.getRandomValues(new Uint8Array(16))].map(hex).join("");

/** Undefined where the page may not compute it. @param {Blob} blob */
export async function digest(blob) {
  if (!crypto.subtle) return undefined;
  const bytes = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(bytes)].map(hex).join("");
}

/** @param {number} byte */
const hex = (byte) => byte.toString(16).padStart(2, "0");
