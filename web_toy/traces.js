// What a toy leaves on this device: what it received and what it was to send. All of it goes when its family does.

import { Kept } from "../web_common/kept.js";
import { outboxOf } from "../web_common/outbox.js";
import { letterboxOf } from "./letterbox.js";

/** @param {string} toyId its id in that family */
export async function wipe(toyId) {
  for (const name of [letterboxOf(toyId), outboxOf(toyId)]) await Kept.forget(name);
}
