// The server's codes in words for people: what happened, and what to do next.

import { Problem } from "./api.js";
import { texts } from "./texts.js";

const WORDS = {
  en: {
    already_bound: "This toy has a family already. Ask them to let you in, or to let it go.",
    audio_too_large: "This recording is too large.",
    audio_too_long: "This recording is too long.",
    bad_audio: "There is no sound in this file that we can play.",
    bad_image: "This is not a picture that we can show. Try a JPEG, PNG or WebP.",
    claim_expired: "This code is too old. The toy shows a new one.",
    claim_wrong: "No toy shows this code. Please read it again.",
    consent_needed: "A grown-up must agree first to what is kept about the child.",
    digest_mismatch: "The recording was damaged on its way. Please send it again.",
    empty_audio: "There is nothing in this recording.",
    gone: "This was deleted.",
    internal: "Something went wrong on our side. Please try again.",
    invalid_value: "One of the values cannot be used.",
    invitation_wrong: "This invitation was used already, or is too old.",
    missing_field: "Something is missing, or not as it should be.",
    name_taken: "This name is taken. Please choose another.",
    not_allowed: "You may not do this.",
    not_authenticated: "You are not logged in here any more.",
    not_found: "This is not there (any more).",
    not_playable: "This cannot be played right now.",
    not_ready: "This is not ready yet.",
    overloaded: "The server has too much to do right now. Please try again soon.",
    quiet_hours: "The toy is asleep. It gets this when it wakes up.",
    rate_limited: "That was too often. Please wait a moment.",
    server_away: "The server cannot be reached. We keep trying.",
    too_long: "This is too long.",
    too_many: "There are as many of these as are allowed.",
    unknown_recipient: "You cannot talk with them (any more).",
    unlicensed: "This toy has no licence. Please contact the manufacturer.",
    weak_password: "This password is easy to guess. Take at least 8 characters, and not a common one.",
  },
  zh: {
    already_bound: "这个玩具已经有家了。请让他们邀请你，或者先解绑。",
    audio_too_large: "这段录音太大了。",
    audio_too_long: "这段录音太长了。",
    bad_audio: "这个文件里没有可以播放的声音。",
    bad_image: "这张图片无法显示。请换成 JPEG、PNG 或 WebP。",
    claim_expired: "这个配对码过期了，玩具会显示新的。",
    claim_wrong: "没有玩具显示这个配对码，请再核对一下。",
    consent_needed: "需要家长先同意我们保存哪些孩子的信息。",
    digest_mismatch: "录音在传输中损坏了，请重新发送。",
    empty_audio: "这段录音是空的。",
    gone: "这条内容已经删除。",
    internal: "我们这边出了点问题，请再试一次。",
    invalid_value: "有一项内容无法使用。",
    invitation_wrong: "这个邀请码已被使用或已过期。",
    missing_field: "缺少一些内容，或格式不对。",
    name_taken: "这个名字已被使用，请换一个。",
    not_allowed: "你没有权限这样做。",
    not_authenticated: "你已经不在这里登录了。",
    not_found: "这里（已经）没有这个内容。",
    not_playable: "现在无法播放。",
    not_ready: "还没有准备好。",
    overloaded: "服务器正忙，请稍后再试。",
    quiet_hours: "玩具睡着了，醒来后就会收到。",
    rate_limited: "操作太频繁了，请稍等一下。",
    server_away: "暂时连不上服务器，我们会继续尝试。",
    too_long: "内容太长了。",
    too_many: "已经达到数量上限。",
    unknown_recipient: "你（已经）不能和对方说话了。",
    unlicensed: "这个玩具还没有授权，请联系生产厂家。",
    weak_password: "这个密码太容易猜到。请至少用 8 个字符，不要用常见密码。",
  },
};
const t = texts(WORDS);
const wait = texts({
  en: { minutes: "That was too often. Please wait {n} min, then try again.", seconds: "That was too often. Please wait {n} s, then try again." },
  zh: { minutes: "操作太频繁了，请等 {n} 分钟再试。", seconds: "操作太频繁了，请等 {n} 秒再试。" },
});

/** @param {string} code @returns {string} */
export function codeWords(code) {
  return t(code in WORDS.en ? /** @type {keyof typeof WORDS.en} */ (code) : "internal");
}

/**
 * @param {unknown} error
 * @param {Record<string, string>} [here] words that say more at this place, by code
 */
export function problemWords(error, here = {}) {
  if (error instanceof Problem) {
    const said = here[error.code];
    if (said) return said;
    return error.code === "rate_limited" && error.retryAfter ? waitWords(error.retryAfter) : codeWords(error.code);
  }
  console.error(error);
  return t("internal");
}

/** @param {number} seconds */
const waitWords = (seconds) =>
  seconds > 90 ? wait("minutes", { n: Math.ceil(seconds / 60) }) : wait("seconds", { n: Math.ceil(seconds) });
