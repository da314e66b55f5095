// Where the operator's page begins: let somebody in, and show the three rooms.

import { onLang } from "../web_common/texts.js";
import "../web_common/theme.js";
import { OperatorPage } from "./page.js";

const page = new OperatorPage(/** @type {HTMLElement} */ (document.getElementById("page")));
onLang(() => page.changed());
await page.begin();
