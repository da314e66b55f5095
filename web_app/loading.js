// What stands in the place of something that is not known yet.

import { html } from "../web_common/html.js";
import { texts } from "../web_common/texts.js";

const t = texts({
  en: { loading: "Loading…" },
  zh: { loading: "正在加载…" },
});

/** Seen only after a moment: mostly it is known by then. */
export const loading = () => html`<p class="empty quiet loading">${t("loading")}</p>`;
