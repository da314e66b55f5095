// One message as the chat shows it, from wherever it is known: the history, the socket, or our own outbox.

/** @typedef {import("../../web_common/types.js").Entry} Entry */
/** @typedef {import("../../web_common/types.js").Frame} Frame */
/** @typedef {import("../../web_common/types.js").Receipt} Receipt */
/** @typedef {import("../../web_common/types.js").VoiceView} VoiceView */
/** @typedef {import("../../web_common/outbox.js").Pending} Pending */

/**
 * Rows are not changed but replaced, so that whoever drew one sees that it is another.
 *
 * - `key`: stays the same from the moment we send it: our `ref`, else the `id`.
 * - `state`: of ours `waiting`, `sending`, `unsent` (in the outbox), then `accepted` or `failed`, with receipts; of
 *   others' how far our copy is: `waiting`, `delivered` or `heard`.
 * - `at`: milliseconds since the epoch.
 * - `held`: until when it waits for those who rest, by their id.
 *
 * @typedef {{ key: string, id: string | null, isMine: boolean, fromId: string, fromName: string, at: number,
 *   msg: string | null, voice: VoiceView | null,
 *   state: "waiting" | "sending" | "unsent" | "accepted" | "failed" | "delivered" | "heard", code: string,
 *   receipts: Receipt[], held: Record<string, string>, isDelayed: boolean }} Row
 */

const RANKS = ["waiting", "delivered", "heard"];

/** @param {Entry} entry @param {string} myId @returns {Row} */
export function rowOfEntry(entry, myId) {
  return {
    key: entry.id,
    id: entry.id,
    isMine: entry.from_user === myId,
    fromId: entry.from_user,
    fromName: entry.from_name,
    at: Date.parse(entry.sent_at),
    msg: entry.msg ?? null,
    voice: entry.voice ?? null,
    state: entry.state,
    code: entry.code ?? "",
    receipts: entry.receipts ?? [],
    held: {},
    isDelayed: false,
  };
}

/** Of a `voice` or `text` that came just now. @param {Frame} frame @param {string} myId */
export function rowOfFrame(frame, myId) {
  const { id, from_user, from_name, msg, url, duration_ms, waveform, sent_at } = frame;
  const voice = frame.type === "voice" ? { url, duration_ms, waveform } : undefined;
  return rowOfEntry({ id, from_user, from_name, msg, voice, sent_at, state: "delivered" }, myId);
}

/** @param {Pending} pending @param {string} myId @param {string | null} url where our own recording can be heard here @returns {Row} */
export function rowOfPending(pending, myId, url) {
  const { ref, msg, audio, at, state, code = "" } = pending;
  const voice = audio ? { url, duration_ms: pending.duration_ms ?? null, waveform: pending.waveform ?? [] } : null;
  return {
    key: ref,
    id: null,
    isMine: true,
    fromId: myId,
    fromName: "",
    at,
    msg: msg ?? null,
    voice,
    state: state === "failed" ? "unsent" : state,
    code,
    receipts: [],
    held: {},
    isDelayed: false,
  };
}

/**
 * What is known of a message from before, and what the server says now. No receipt goes back a step: the answer may
 * be older than a frame that came meanwhile.
 * @param {Row} known
 * @param {Row} said
 * @returns {Row}
 */
export function merge(known, said) {
  const before = new Map(known.receipts.map((one) => [one.to_user, one]));
  const receipts = said.receipts.map((one) => ({ ...further(before.get(one.to_user), one), name: one.name }));
  const state = known.isMine ? said.state : further({ state: /** @type {any} */ (known.state) }, said).state;
  const voice = said.voice && { ...said.voice, url: said.voice.url ?? known.voice?.url ?? null };
  if (voice && !voice.waveform.length) voice.waveform = known.voice?.waveform ?? [];
  if (voice) voice.duration_ms ??= known.voice?.duration_ms ?? null;
  return { ...said, key: known.key, state, voice, receipts, held: known.held, isDelayed: known.isDelayed };
}

/** One of its recipients has, or has heard, a message of ours. @param {Row} row @param {string} toUser @param {"delivered" | "heard"} state @returns {Row} */
export function withReceipt(row, toUser, state) {
  const known = row.receipts.find((one) => one.to_user === toUser);
  const at = new Date().toISOString();
  const said = { to_user: toUser, name: known?.name ?? "", delivered_at: known?.delivered_at ?? at, state };
  const now = further(known, { ...said, heard_at: state === "heard" ? at : null });
  const receipts = known ? row.receipts.map((one) => (one === known ? now : one)) : [...row.receipts, now];
  return { ...row, receipts };
}

/**
 * @template {{ state: string }} T
 * @param {{ state: string } | undefined} known
 * @param {T} said
 * @returns {T}
 */
const further = (known, said) =>
  known && RANKS.indexOf(known.state) > RANKS.indexOf(said.state) ? { ...said, ...known } : said;
