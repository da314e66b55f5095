// A new password, in a sheet.

import { Problem, put } from "../../web_common/api.js";
import { html } from "../../web_common/html.js";
import { problemWords } from "../../web_common/problems.js";
import { Sheet } from "../../web_common/sheet.js";
import { texts } from "../../web_common/texts.js";
import { toast } from "../../web_common/toast.js";

const t = texts({
  en: {
    done: "Your password is new. Everywhere else you are logged out.",
    hint: "At least 8 characters, and not a common one.",
    new: "New password",
    old: "Old password",
    save: "Change it",
    show: "Show what I type",
    title: "Change the password",
    where: "Everywhere else you are logged in, you will be logged out.",
    wrong: "The old password is wrong.",
  },
  zh: {
    done: "密码已修改，其他设备都已退出登录。",
    hint: "至少 8 个字符，不要用常见密码。",
    new: "新密码",
    old: "旧密码",
    save: "修改",
    show: "显示输入的内容",
    title: "修改密码",
    where: "修改后，其他已登录的设备都会退出登录。",
    wrong: "旧密码不对。",
  },
});

/** @param {string} name whose it is, for a password manager @param {() => unknown} changed after it was changed */
export function openPasswordSheet(name, changed) {
  const state = { problem: "", isBusy: false, shows: false };
  new Sheet(t("title"), (sheet) => {
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const given = new FormData(/** @type {HTMLFormElement} */ (event.target));
      Object.assign(state, { isBusy: true, problem: "" });
      sheet.draw();
      const problem = await change(String(given.get("old")), String(given.get("new")));
      Object.assign(state, { isBusy: false, problem });
      if (problem) return sheet.draw();
      sheet.close();
      toast(t("done"));
      changed();
    };
    const show = () => {
      state.shows = !state.shows;
      sheet.draw();
    };
    return html`<form @submit=${submit}>
      <input class="visually-hidden" autocomplete="username" value=${name} readonly tabindex="-1" aria-hidden="true" />
      ${field("old", "current-password", state.shows)} ${field("new", "new-password", state.shows)}
      <label class="row"><input type="checkbox" .checked=${state.shows} @change=${show} /> ${t("show")}</label>
      <p class="quiet small">${t("where")}</p>
      <p class="problem" role="alert" ?hidden=${!state.problem}>${state.problem}</p>
      <button class="button wide" ?disabled=${state.isBusy}>${t("save")}</button>
    </form>`;
  });
}

/** @param {"old" | "new"} name @param {string} kind @param {boolean} isShown */
function field(name, kind, isShown) {
  return html`<div class="field">
    <label for="password-${name}">${t(name)}</label>
    <input id="password-${name}" name=${name} type=${isShown ? "text" : "password"} autocomplete=${/** @type {any} */ (kind)} required />
    ${name === "new" ? html`<span class="hint">${t("hint")}</span>` : ""}
  </div>`;
}

/** What went wrong, or "". @param {string} old @param {string} wanted */
async function change(old, wanted) {
  try {
    await put("/me/password", { old, new: wanted });
    return "";
  } catch (error) {
    return error instanceof Problem && error.code === "not_authenticated" ? t("wrong") : problemWords(error);
  }
}
