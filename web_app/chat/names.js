// What a conversation is called here.

import { texts } from "../../web_common/texts.js";

/** @typedef {import("../../web_common/types.js").Conversation} Conversation */

const t = texts({
  en: { family: "{name}’s family" },
  zh: { family: "{name}一家" },
});

/** The group of a family has the name of its toy, which has a conversation of its own. @param {Pick<Conversation, "kind" | "name">} conversation */
export const called = ({ kind, name }) => (kind === "family" ? t("family", { name }) : name);
