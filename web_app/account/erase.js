// Erasing everything: what goes is said first, and what went afterwards.

import { remove } from "../../web_common/api.js";
import { html, nothing } from "../../web_common/html.js";
import { problemWords } from "../../web_common/problems.js";
import { Sheet } from "../../web_common/sheet.js";
import { listed, texts } from "../../web_common/texts.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Toy} Toy */

const t = texts({
  en: {
    account: "your account, and every place where you are logged in",
    bye: "Goodbye",
    contacts: "Contacts: {n}",
    counted: "This went, for good:",
    done: "Everything is erased",
    erase: "Erase everything",
    files: "Sound files: {n}",
    going: "This goes at once, on the server and for everybody:",
    groups: "Groups: {n}",
    items: "Songs and stories: {n}",
    messages: "Messages: {n}",
    said: "everything you said and wrote, also for those you sent it to",
    songs: "your own songs and stories",
    sure: "I understand that nobody can bring this back.",
    title: "Erase my account",
    ties: "your contacts, and the groups in which you are the only grown-up",
    toys: "Toys: {n}",
    toys_go: "the toys that nobody else guards, with everything said with them: {toys}",
    toys_stay: "Stays with its other guardians: {toys}",
  },
  zh: {
    account: "你的账号，以及所有设备上的登录",
    bye: "再见",
    contacts: "联系人：{n}",
    counted: "以下内容已永久删除：",
    done: "全部已删除",
    erase: "全部删除",
    files: "声音文件：{n}",
    going: "以下内容会立即从服务器上对所有人删除：",
    groups: "群聊：{n}",
    items: "儿歌和故事：{n}",
    messages: "消息：{n}",
    said: "你说过和写过的一切，收到的人那里也会删除",
    songs: "你上传的儿歌和故事",
    sure: "我明白删除后任何人都无法恢复。",
    title: "注销账号",
    ties: "你的联系人，以及只有你一位家长的群聊",
    toys: "玩具：{n}",
    toys_go: "只由你监护的玩具，以及和它们说过的一切：{toys}",
    toys_stay: "由其他监护人继续照看：{toys}",
  },
});

/** What is counted for a reader, of all tables. */
const COUNTED = /** @type {const} */ (["toys", "messages", "items", "contacts", "groups"]);

/** @param {App} app */
export async function openEraseSheet(app) {
  await app.family.load(); // what goes is named as it is now
  const state = { isSure: false, isBusy: false, problem: "" };
  const erase = async () => {
    state.isBusy = true;
    sheet.draw();
    // The end of our sockets says the same, and would take the page away before anybody has read what went.
    app.link.stop();
    try {
      const went = await remove("/me");
      sheet.close();
      void showWhatWent(went).closed.then(() => app.goodbye());
    } catch (error) {
      app.link.start();
      Object.assign(state, { isBusy: false, problem: problemWords(error) });
      sheet.draw();
    }
  };
  const sheet = new Sheet(t("title"), () => {
    const tick = (/** @type {any} */ event) => {
      state.isSure = event.target.checked;
      sheet.draw();
    };
    return html`
      ${whatGoes(app.family.toys)}
      <label class="account-sure"><input type="checkbox" .checked=${state.isSure} @change=${tick} /> ${t("sure")}</label>
      <p class="problem" role="alert" ?hidden=${!state.problem}>${state.problem}</p>
      <button class="button danger wide" ?disabled=${!state.isSure || state.isBusy} @click=${erase}>${t("erase")}</button>
    `;
  });
}

/** @param {Toy[]} toys */
function whatGoes(toys) {
  const names = (/** @type {Toy[]} */ some) => listed(some.map((toy) => toy.name));
  const going = toys.filter((toy) => toy.guardians.length === 1);
  const staying = toys.filter((toy) => toy.guardians.length > 1);
  return html`<p>${t("going")}</p>
    <ul class="account-bullets">
      <li>${t("account")}</li>
      <li>${t("said")}</li>
      ${going.length ? html`<li>${t("toys_go", { toys: names(going) })}</li>` : nothing}
      <li>${t("songs")}</li>
      <li>${t("ties")}</li>
    </ul>
    ${staying.length ? html`<p>${t("toys_stay", { toys: names(staying) })}</p>` : nothing}`;
}

/** @param {{ rows: Record<string, number>, files: number }} went */
function showWhatWent({ rows, files }) {
  const counts = COUNTED.flatMap((name) => (rows[name] ? [t(name, { n: rows[name] })] : []));
  if (files) counts.push(t("files", { n: files }));
  return new Sheet(
    t("done"),
    (sheet) => html`
      ${counts.length ? html`<p>${t("counted")}</p>` : nothing}
      <ul class="account-bullets">
        ${counts.map((words) => html`<li>${words}</li>`)}
      </ul>
      <button class="button wide" @click=${() => sheet.close()}>${t("bye")}</button>
    `,
  );
}
