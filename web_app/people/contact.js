// One contact: its row in the list, and the sheet in which it is named, blocked or ended.

import { patch, remove } from "../../web_common/api.js";
import { avatar } from "../../web_common/avatar.js";
import { html, nothing } from "../../web_common/html.js";
import { icon } from "../../web_common/icons.js";
import { confirm, Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { date } from "../../web_common/times.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../../web_common/types.js").Contact} Contact */

const MOST_NICKNAME = 64;

const t = texts({
  en: {
    block: "Block",
    blocked: "Blocked",
    blocked_words: "They cannot reach {side}, and are not told why.",
    end: "End this contact",
    end_title: "End the contact with {name}?",
    end_words: "It ends at once, for both sides. What was sent and not yet heard is taken back. To talk again, both families have to agree anew.",
    end_yes: "End it",
    just_you: "you",
    nickname: "What you call them",
    nickname_hint: "Only your family sees this. Leave it empty for their own name.",
    save: "Save",
    since: "In contact with {side} since {date}",
    talk: "Open the chat",
    unblock: "Unblock",
  },
  zh: {
    block: "屏蔽",
    blocked: "已屏蔽",
    blocked_words: "对方无法联系{side}，也不会知道原因。",
    end: "结束联系",
    end_title: "结束和{name}的联系？",
    end_words: "会立即对双方生效。已发送但还没听到的消息会被收回。想再次说话，需要两家的家长重新同意。",
    end_yes: "结束",
    just_you: "你",
    nickname: "备注名",
    nickname_hint: "只有你们家能看到。留空则显示对方自己的名字。",
    save: "保存",
    since: "{date}起可以和{side}说话",
    talk: "打开聊天",
    unblock: "取消屏蔽",
  },
});

/** @param {Contact} contact */
export const shownName = (contact) => contact.nickname || contact.with.name;

/** @param {App} app @param {Contact} contact @param {() => unknown} again after it was changed */
export function contactRow(app, contact, again) {
  return html`<li data-contact=${contact.id}>
    <button class="list-row people-contact" @click=${() => openContact(app, contact, again)}>
      ${avatar(contact.with)}
      <span class="grow">
        <span class="people-name one-line">${shownName(contact)}</span>
        ${contact.nickname ? html`<span class="quiet small one-line people-name">${contact.with.name}</span>` : nothing}
      </span>
      ${contact.is_blocked ? html`<span class="pill">${t("blocked")}</span>` : nothing}
      <span class="people-more">${icon("more")}</span>
    </button>
  </li>`;
}

/** @param {App} app @param {Contact} contact @param {() => unknown} again */
function openContact(app, contact, again) {
  const side = contact.for.id === app.myId ? t("just_you") : contact.for.name;
  const shown = { contact };
  const change = (/** @type {object} */ fields) =>
    app.attempt(async () => {
      shown.contact = await patch(`/contacts/${contact.id}`, { ...fields, for: contact.for.id });
      again();
    });
  new Sheet(shownName(contact), (sheet) => {
    const one = shown.contact;
    return html`
      <p class="quiet small">${t("since", { side, date: date(one.since) })}</p>
      ${one.for.id === app.myId && !one.is_blocked ? talkLink(one, sheet) : nothing}
      ${nicknameForm(one, async (nickname) => (await change({ nickname })) && sheet.close())}
      ${one.is_blocked ? html`<p role="status">${t("blocked_words", { side })}</p>` : nothing}
      <div class="people-answers">
        <button class="button secondary"
          @click=${async () => (await change({ blocked: !one.is_blocked })) && sheet.draw()}>
          ${one.is_blocked ? t("unblock") : t("block")}
        </button>
        <button class="button danger" @click=${() => endContact(app, one, sheet, again)}>${t("end")}</button>
      </div>
    `;
  });
}

/** @param {Contact} contact @param {Sheet} sheet */
const talkLink = (contact, sheet) =>
  html`<a class="button wide" href="#/chats/${contact.with.id}" @click=${() => sheet.close()}>${icon("chat")} ${t("talk")}</a>`;

/** @param {Contact} contact @param {(nickname: string) => unknown} save */
function nicknameForm(contact, save) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    save(String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("nickname")));
  };
  return html`<form @submit=${submit}>
    <div class="field">
      <label for="nickname">${t("nickname")}</label>
      <div class="row people-nickname">
        <input class="grow" id="nickname" name="nickname" maxlength=${MOST_NICKNAME} autocomplete="off"
          value=${contact.nickname} placeholder=${contact.with.name} aria-describedby="nickname-hint" />
        <button class="button secondary">${t("save")}</button>
      </div>
      <span class="hint" id="nickname-hint">${t("nickname_hint")}</span>
    </div>
  </form>`;
}

/** @param {App} app @param {Contact} contact @param {Sheet} sheet @param {() => unknown} again */
async function endContact(app, contact, sheet, again) {
  const name = shownName(contact);
  const isSure = await confirm({ title: t("end_title", { name }), body: t("end_words"), yes: t("end_yes"), isDangerous: true });
  if (!isSure) return;
  if (await app.attempt(() => remove(`/contacts/${contact.id}`))) sheet.close();
  again();
}
