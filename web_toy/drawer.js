// For makers: what the toy does, in the words of the protocol. No contents, no tokens, no licences, no links.

import { html, nothing } from "../web_common/html.js";
import { Sheet } from "../web_common/sheet.js";
import { locale, texts } from "../web_common/texts.js";

/** @typedef {import("./toy.js").Toy} Toy */

const t = texts({
  en: {
    cap: "Volume allowed",
    device: "Device",
    nothing: "Nothing has happened yet.",
    last: "The last events",
    socket: "Socket",
    state: "State",
    title: "What the toy does",
  },
  zh: {
    cap: "允许的音量",
    device: "设备",
    nothing: "还没有发生什么。",
    last: "最近的事件",
    socket: "连接",
    state: "状态",
    title: "玩具在做什么",
  },
});

/** @type {Sheet | null} */
let open = null;

/** @param {Toy} toy */
export function openDiary(toy) {
  const sheet = new Sheet(t("title"), () => view(toy));
  open = sheet;
  void sheet.closed.then(() => (open = null));
}

/** After everything that happened. */
export const drawDiary = () => open?.draw();

/** @param {Toy} toy */
function view(toy) {
  /** @type {[string, string][]} */
  const facts = [
    [t("state"), toy.state],
    [t("device"), toy.deviceId || "–"],
    [t("socket"), toy.link?.state ?? "–"],
    [t("cap"), toy.settings ? `${toy.settings.volume_cap} %` : "–"],
  ];
  const { notes } = toy.diary;
  return html`
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <h3>${t("last")}</h3>
    ${notes.length ? nothing : html`<p class="quiet">${t("nothing")}</p>`}
    <ol class="diary">
      ${notes.map(({ at, what }) => html`<li><time>${clock(at)}</time> <code>${what}</code></li>`)}
    </ol>
  `;
}

/** @param {number} at */
const clock = (at) => new Intl.DateTimeFormat(locale(), { timeStyle: "medium", hourCycle: "h23" }).format(at);
