// Before there is anybody to talk with: what to do first.

import { html } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { texts } from "../../web_common/texts.js";

const t = texts({
  en: {
    add: "Add a toy",
    body: "Switch the toy on and scan the code that it shows. After that you talk with your child through it.",
    people: "Add a person",
    title: "Who would you like to talk with?",
  },
  zh: {
    add: "添加玩具",
    body: "打开玩具，扫描它显示的二维码，就可以通过它和孩子说话了。",
    people: "添加联系人",
    title: "你想和谁说话？",
  },
});

export const nobodyYet = () => html`<div class="empty">
  <svg class="chats-drawing" viewBox="0 0 160 120" aria-hidden="true">
    <g class="bear">
      <circle cx="36" cy="52" r="13" /><circle cx="84" cy="52" r="13" /><circle cx="60" cy="80" r="34" />
    </g>
    <g class="face">
      <circle cx="49" cy="76" r="3" /><circle cx="71" cy="76" r="3" /><ellipse cx="60" cy="87" rx="5" ry="3.5" /><path d="M51 95q9 8 18 0" />
    </g>
    <path class="speech" d="M100 12h44a10 10 0 0110 10v18a10 10 0 01-10 10h-26l-14 12v-12h-4a10 10 0 01-10-10v-18a10 10 0 0110-10z" />
    <path class="sound" d="M106 27v8M114 22v18M122 26v10M130 20v22M138 27v8" />
  </svg>
  <h2>${t("title")}</h2>
  <p>${t("body")}</p>
  <a class="button" href="#/toys/add">${icon("add")}${t("add")}</a>
  <a class="button secondary" href="#/people/add">${icon("people")}${t("people")}</a>
</div>`;
