// Giving a toy away: what will be wiped, and what was.

import { remove } from "../../web_common/api.js";
import { html } from "../../web_common/html.js";
import { confirm } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { tellWhatWent } from "./went.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    after: "Then the toy is as new: whoever switches it on next can take it home. This cannot be undone.",
    child: "The child's name, and who agreed to what",
    contacts: "Its contacts and their nicknames, and its place in groups",
    done: "{name} is let go",
    lead: "This is erased at once, for everybody:",
    messages: "All messages to and from the toy, with their sound",
    plays: "What it played, and when",
    settings: "Its settings and quiet hours",
    title: "Unbind {name}?",
    unbind: "Unbind this toy",
    words: "Before it goes to another family, or back.",
    yes: "Unbind and erase",
  },
  zh: {
    after: "之后它就和新的一样：下一个打开它的人可以带它回家。此操作无法撤销。",
    child: "孩子的名字，以及同意记录",
    contacts: "它的联系人和备注名，以及所在的群",
    done: "{name}已解绑",
    lead: "以下内容会立即为所有人删除：",
    messages: "玩具收到和发出的所有消息和声音",
    plays: "播放过什么、什么时候播放的",
    settings: "它的设置和安静时段",
    title: "要解绑{name}吗？",
    unbind: "解绑这个玩具",
    words: "送人或退货之前，请先解绑。",
    yes: "解绑并删除",
  },
});

/** @param {App} app @param {Toy} toy */
export function unbindSection(app, toy) {
  return html`<div class="toy-unbind">
    <p class="small quiet">${t("words")}</p>
    <button class="button danger wide" @click=${() => unbind(app, toy)}>${t("unbind")}</button>
  </div>`;
}

/** @param {App} app @param {Toy} toy */
async function unbind(app, { id, name }) {
  if (!(await confirm({ title: t("title", { name }), body: whatGoes(), yes: t("yes"), isDangerous: true }))) return;
  await app.attempt(async () => {
    const went = await remove(`/toys/${id}`);
    app.go("toys");
    await app.family.load();
    tellWhatWent(t("done", { name }), went);
  });
}

function whatGoes() {
  const parts = /** @type {const} */ (["messages", "contacts", "plays", "settings", "child"]);
  return html`<div class="stack">
    <p>${t("lead")}</p>
    <ul class="toy-wiped">${parts.map((one) => html`<li>${t(one)}</li>`)}</ul>
    <p>${t("after")}</p>
  </div>`;
}
