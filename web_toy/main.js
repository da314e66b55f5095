// Where the toy begins: its parts, put together.

import { onLang } from "../web_common/texts.js";
import { drawDiary, openDiary } from "./drawer.js";
import { Face } from "./face.js";
import { drawPage, onLight } from "./page.js";
import { Prompts } from "./prompts.js";
import { Sound } from "./sound.js";
import { SwitchPanel } from "./switch_panel.js";
import { Toy } from "./toy.js";

const place = /** @type {HTMLElement} */ (document.getElementById("toy"));
const sound = new Sound(/** @type {HTMLAudioElement} */ (document.querySelector("audio[data-voice]")));
let isDrawing = false;

/** Draw once, in the next frame, however often something changed. In a tab behind others frames do not come. */
function changed() {
  if (isDrawing) return;
  isDrawing = true;
  if (document.hidden) setTimeout(draw);
  else requestAnimationFrame(draw);
}

function draw() {
  isDrawing = false;
  drawPage(toy, place, { switchPanel: panel.view, openDiary: () => openDiary(toy) });
  drawDiary();
  face.follow();
}

// Nothing about a toy belongs into an address.
if (location.search) history.replaceState(null, "", location.pathname);

const prompts = new Prompts();
const toy = new Toy(sound, prompts, changed);
const panel = new SwitchPanel(toy, changed);
const face = new Face(place, () => sound.level(), () => toy.voice.current !== null);
onLang(() => {
  changed();
  if (toy.state !== "off") void prompts.keep();
});
onLight(changed);
draw();
