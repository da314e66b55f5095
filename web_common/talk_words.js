// What holding to talk has to say, also to those who do not see it.

import { texts } from "./texts.js";

const t = texts({
  en: {
    armed: "Let go to cancel",
    cancelled: "Cancelled. Nothing was sent.",
    full: "That is as long as a message can be. It was sent.",
    hidden: "The page was hidden, so the recording stopped. Send what there is?",
    interrupted: "The recording was interrupted. Send what there is?",
    locked: "Recording hands-free",
    mic_busy: "Another app is using the microphone. End the call or close that app, then try again.",
    mic_denied: "The microphone is not allowed. Allow it for this page in the browser's settings, then try again.",
    mic_failed: "The recording did not work. Please try again.",
    mic_insecure: "Recording needs a secure address, one that begins with https. Ask whoever set this up.",
    mic_missing: "No microphone was found. Connect one, then try again.",
    mic_unsupported: "This browser cannot record. Please update it, or use another one.",
    sent: "Sent",
    started: "Recording",
    tap: "Hold to talk, release to send",
  },
  zh: {
    armed: "松开取消",
    cancelled: "已取消，没有发送。",
    full: "已到最长时间，录音已发送。",
    hidden: "页面被切到后台，录音停止了。要发送已录的部分吗？",
    interrupted: "录音被打断了。要发送已录的部分吗？",
    locked: "已锁定，正在录音",
    mic_busy: "麦克风正被其他应用使用。请结束通话或关闭该应用，然后再试。",
    mic_denied: "没有麦克风权限。请在浏览器设置中允许本页面使用麦克风，然后再试。",
    mic_failed: "录音没有成功，请再试一次。",
    mic_insecure: "录音需要安全的网址（以 https 开头）。请联系为你安装的人。",
    mic_missing: "没有找到麦克风。请接上麦克风，然后再试。",
    mic_unsupported: "这个浏览器不能录音。请更新，或换一个浏览器。",
    sent: "已发送",
    started: "正在录音",
    tap: "按住说话，松开发送",
  },
});

/** @param {import("./talk.js").Said} said */
export const talkWords = (said) => t(said);
