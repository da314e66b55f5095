// A song or story in the list: hear it here, or play it on toys.

import { here } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { codeWords } from "../../web_common/problems.js";
import { texts } from "../../web_common/texts.js";
import { length } from "../../web_common/times.js";
import { coverView } from "./cover.js";
import { openPlayOn } from "./play_on.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Item} Item */

const t = texts({
  en: {
    converting: "Being made ready: {n} %",
    menu: "Change or delete {title}",
    pause: "Pause {title}",
    play_on: "Play on toys…",
    preview: "Listen to {title} here",
    progress: "{title}: heard so far",
  },
  zh: {
    converting: "正在准备：{n}%",
    menu: "修改或删除“{title}”",
    pause: "暂停“{title}”",
    play_on: "在玩具上播放…",
    preview: "在这里试听“{title}”",
    progress: "“{title}”已试听",
  },
});

/** @param {App} app @param {Item} item @param {(item: Item) => void} openMenu */
export function itemRow(app, item, openMenu) {
  const { title } = item;
  const isLoaded = app.player.id === item.id;
  return html`<li class="songs-row" data-item=${item.id}>
    ${item.url ? preview(app, item, item.url) : coverView(item)}
    ${item.state === "ready"
      ? html`<button class="songs-main" aria-haspopup="dialog" @click=${() => openPlayOn(app, item)}>
          ${words(item)}<span class="songs-play-on">${icon("toy")}<span class="visually-hidden">${t("play_on")}</span></span>
        </button>`
      : html`<div class="songs-main">${words(item)}</div>`}
    ${item.is_mine
      ? html`<button class="icon-button" aria-label=${t("menu", { title })} aria-haspopup="dialog" @click=${() => openMenu(item)}>
          ${icon("more")}
        </button>`
      : nothing}
    ${isLoaded
      ? html`<progress class="songs-bar songs-heard" aria-label=${t("progress", { title })} max="1" .value=${app.player.progress}></progress>`
      : nothing}
  </li>`;
}

/** @param {App} app @param {Item} item @param {string} url */
function preview(app, item, url) {
  const isPlaying = app.player.id === item.id && app.player.isPlaying;
  const play = () => app.attempt(() => app.player.toggle(item.id, here(url), item.duration_ms ?? 0));
  return html`<button class="songs-preview" aria-label=${t(isPlaying ? "pause" : "preview", { title: item.title })} @click=${play}>
    ${coverView(item)}<span class="songs-sign">${icon(isPlaying ? "pause" : "play")}</span>
  </button>`;
}

/** @param {Item} item */
function words(item) {
  return html`<span class="grow">
    <span class="songs-title">${item.title}</span>
    <span class="songs-line small ${item.state === "failed" ? "songs-failed" : "quiet"}">${about(item)}</span>
    ${item.state === "converting"
      ? html`<progress class="songs-bar" aria-label=${t("converting", { n: item.progress })} max="100" .value=${item.progress}></progress>`
      : nothing}
  </span>`;
}

/** @param {Item} item */
function about(item) {
  if (item.state === "converting") return t("converting", { n: item.progress });
  if (item.state === "failed") return codeWords(item.failure ?? "internal");
  return [item.duration_ms === null ? "" : length(item.duration_ms), item.category].filter(Boolean).join(" · ");
}
