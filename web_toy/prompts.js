// What the toy can say by itself. The prompts are kept in memory, because "the server is away" cannot be asked for when
// the server is away.

import { API, here } from "../web_common/api.js";
import { lang } from "../web_common/texts.js";

/** Those that are needed when it is too late, or too slow, to ask. */
const KEPT = ["new_message", "sent", "failed", "server_away", "no_connection", "bound", "ready"];

export class Prompts {
  /** By address. @type {Map<string, Promise<Blob | null>>} */
  #kept = new Map();

  /**
   * The sound of a prompt in the language of the page; null when it cannot be had.
   * @param {string} name
   * @param {string} [url] where the server said it is
   */
  sound(name, url = `${API}/prompts/${name}.mp3`) {
    const address = inOurLanguage(url);
    const kept = this.#kept.get(address) ?? load(address);
    this.#kept.set(address, kept);
    void kept.then((blob) => blob ?? this.#kept.delete(address));
    return kept;
  }

  /** Fetch what will be needed. */
  async keep() {
    for (const name of KEPT) await this.sound(name);
  }
}

/** @param {string} url */
function inOurLanguage(url) {
  const address = new URL(here(url), location.href);
  address.searchParams.set("lang", lang());
  return address.pathname + address.search;
}

/** @param {string} address */
async function load(address) {
  try {
    const answer = await fetch(address, { credentials: "omit" });
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null;
  }
}
