// The shapes that the server's HTTP side answers with, as far as the pages use them. Only types, nothing runs here.

/** @typedef {{ ws_url: string, registration: "open" | "invitation" | "closed", languages: string[], version: string,
 *   limits: { max_audio_bytes: number, max_audio_seconds: number, max_text: number, max_item_bytes: number,
 *   max_cover_bytes: number } }} Config */
/** @typedef {{ id: string, name: string, is_operator: boolean, created_at: string }} Me */

/** @typedef {{ days: string[], start: string, end: string }} QuietWindow */
/** @typedef {{ volume_cap: number, autoplay: boolean, daily_limit_minutes: number | null, time_zone: string,
 *   quiet_hours: QuietWindow[], quiet_until: string | null }} ToySettings */
/** @typedef {{ id: string, name: string, role: "owner" | "co_guardian", since: string }} Guardian */
/** @typedef {{ id: string, name: string, child_name: string, picture: string, colour: string, paused: boolean,
 *   settings: ToySettings, guardians: Guardian[], consent: { version: string, given_by: string, given_at: string } | null,
 *   online: boolean, heard_at: string | null }} Toy */
/** @typedef {{ code: string, qr_url: string, qr: string[], expires_at: string }} Claim */
/** @typedef {{ id: string, name: string, url: string, qr: string[] }} ContactCard */

/** @typedef {{ id: string, name: string, kind: "person" | "toy" }} Party */
/** @typedef {{ id: string, for: Party, with: Party, state: "asked" | "agreed", asked_by_us: boolean, nickname: string,
 *   is_blocked: boolean, since: string }} Contact */
/** @typedef {{ id: string, kind: "family" | "custom", name: string, owner_id: string | null, members: Party[] }} Group */

/** @typedef {{ url: string | null, duration_ms: number | null, waveform: number[] }} VoiceView */
/** @typedef {{ to_user: string, name: string, state: "waiting" | "delivered" | "heard", delivered_at: string | null,
 *   heard_at: string | null }} Receipt */
/** @typedef {{ id: string, from_user: string, from_name: string, msg?: string, voice?: VoiceView, sent_at: string,
 *   state: "accepted" | "failed" | "waiting" | "delivered" | "heard", code?: string, receipts?: Receipt[] }} Entry */
/** @typedef {{ id: string, name: string, kind: "person" | "toy" | "family" | "custom", unread: number,
 *   last: Entry | null, may_send: boolean, online: boolean | null, heard_at: string | null }} Conversation */

/** @typedef {{ id: string, title: string, category: string, shelf: "own" | "shared", is_mine: boolean,
 *   state: "converting" | "ready" | "failed", progress: number, failure: string | null, duration_ms: number | null,
 *   added_at: string, has_cover: boolean, url: string | null }} Item */
/** @typedef {{ id: string, label: string, since: string, is_current: boolean }} Session */

/** @typedef {import("./link.js").Frame} Frame */

export {};
