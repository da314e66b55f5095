// What an erasure erased, in numbers.

import { html, nothing } from "../../web_common/html.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";

const t = texts({
  en: {
    contacts: "Contacts",
    files: "Sound files",
    messages: "Messages",
    nothing: "There were no messages to erase.",
    ok: "OK",
    plays: "Played songs and stories",
    words: "This is erased for good:",
  },
  zh: {
    contacts: "联系人",
    files: "声音文件",
    messages: "消息",
    nothing: "本来就没有消息需要删除。",
    ok: "好",
    plays: "播放记录",
    words: "以下内容已永久删除：",
  },
});

/** @param {string} title @param {{ rows: Record<string, number>, files: number }} went */
export function tellWhatWent(title, { rows, files }) {
  const { messages = 0, plays = 0, contacts = 0 } = rows;
  const counts = Object.entries({ messages, plays, contacts, files }).filter(([, count]) => count > 0);
  new Sheet(
    title,
    (sheet) => html`
      <p>${t(counts.length ? "words" : "nothing")}</p>
      ${counts.length ? html`<dl class="toy-went">${counts.map(([what, count]) => row(t(/** @type {"files"} */ (what)), count))}</dl>` : nothing}
      <div class="actions"><button class="button" @click=${() => sheet.close()}>${t("ok")}</button></div>
    `,
  );
}

/** @param {string} what @param {number} count */
const row = (what, count) => html`<dt>${what}</dt><dd>${count}</dd>`;
