// Where the app begins: find out who is here, and show it.

import { get } from "../web_common/api.js";
import { onLang } from "../web_common/texts.js";
import "../web_common/theme.js";
import { App } from "./app.js";
import { drawShell } from "./shell.js";

const place = /** @type {HTMLElement} */ (document.getElementById("app"));
const app = new App(() => drawShell(app, place));

onLang(() => app.changed());
await app.begin(get("/config").catch(() => null));

// Without it the app only needs the network to open.
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/service_worker.js").catch(() => {});
