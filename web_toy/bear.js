// The bear, drawn. What it feels is in classes and in two numbers that `face.js` sets: `--mouth` and `--lids`.

import { svg } from "../web_common/html.js";

const DEFINITIONS = svg`
  <defs>
    <radialGradient id="fur" cx="42%" cy="28%" r="80%">
      <stop class="fur-light" offset="0" /><stop class="fur-middle" offset=".55" /><stop class="fur-dark" offset="1" />
    </radialGradient>
    <radialGradient id="cream" cx="45%" cy="30%" r="85%">
      <stop class="cream-light" offset="0" /><stop class="cream-dark" offset="1" />
    </radialGradient>
    <radialGradient id="glass" cx="38%" cy="30%" r="80%">
      <stop class="glass-light" offset="0" /><stop class="glass-dark" offset="1" />
    </radialGradient>
    <radialGradient id="glow">
      <stop class="glow-middle" offset="0" /><stop class="glow-edge" offset="1" />
    </radialGradient>
    <clipPath id="mouth-shape"><ellipse cx="200" cy="206" rx="21" ry="19" /></clipPath>
  </defs>`;

const RUG = svg`
  <g class="rug">
    <ellipse class="rug-fringe" cx="200" cy="408" rx="262" ry="52" />
    <ellipse class="rug-outer" cx="200" cy="406" rx="252" ry="47" />
    <ellipse class="rug-middle" cx="200" cy="404" rx="212" ry="38" />
    <ellipse class="rug-inner" cx="200" cy="403" rx="166" ry="28" />
  </g>
  <ellipse class="bear-shadow" cx="200" cy="410" rx="142" ry="22" />`;

const BODY = svg`
  <path class="fur" d="M200 212c76 0 112 62 114 128 2 52-48 78-114 78s-116-26-114-78c2-66 38-128 114-128z" />
  <ellipse class="cream" cx="200" cy="330" rx="76" ry="70" />
  <ellipse class="seam" cx="200" cy="330" rx="69" ry="63" />`;

/** What stands on the lamp, so that its colour never says anything alone. By `lampSign`. */
const LAMP_SIGNS = {
  off: svg``,
  heart: svg`<path d="M200 340c-9-7-16-12-16-20 0-5 4-8.500 8-8.500 3.500 0 6.500 2 8 5 1.500-3 4.500-5 8-5 4 0 8 3.500 8 8.500 0 8-7 13-16 20z" />`,
  house: svg`<path d="M183 325l17-15 17 15h-4v15h-8v-9h-10v9h-8v-15z" />`,
  letter: svg`<path d="M181 313h38v26h-38z" /><path class="lamp-line" d="M183 315l17 13 17-13" />`,
  waves: svg`<path class="lamp-stroke" d="M186 318v14M193 312v26M200 316v18M207 310v30M214 319v12" />`,
  note: svg`<path d="M194 334v-22l18-4v22" class="lamp-stroke" /><circle cx="190" cy="335" r="5" /><circle cx="208" cy="331" r="5" />`,
  dot: svg`<circle cx="200" cy="325" r="11" />`,
  moon: svg`<path d="M211 334a15 15 0 01-16-22 14 14 0 1016 22z" />`,
  dots: svg`<circle cx="188" cy="326" r="3.500" /><circle cx="200" cy="326" r="3.500" /><circle cx="212" cy="326" r="3.500" />`,
};
/** @typedef {keyof typeof LAMP_SIGNS} LampSign */

/** @param {LampSign} sign */
const lamp = (sign) => svg`
  <g class="lamp">
    <circle class="lamp-glow" cx="200" cy="325" r="118" />
    <circle class="lamp-rim" cx="200" cy="325" r="39" />
    <circle class="lamp-glass" cx="200" cy="325" r="33" />
    <g class="lamp-sign">${LAMP_SIGNS[sign]}</g>
    <path class="lamp-shine" d="M180 312a24 24 0 0118-12" />
  </g>`;

const FOOT = svg`
  <ellipse class="fur" cx="96" cy="386" rx="47" ry="49" />
  <ellipse class="cream" cx="92" cy="394" rx="27" ry="25" />
  <circle class="cream" cx="68" cy="362" r="9" /><circle class="cream" cx="91" cy="353" r="10" /><circle class="cream" cx="115" cy="361" r="9" />`;

const EAR = svg`<circle class="fur" cx="108" cy="70" r="41" /><circle class="ear-inside" cx="111" cy="74" r="24" />`;

const EYES = svg`
  <g class="eyes">
    <g class="eye"><ellipse class="ink" cx="156" cy="140" rx="11" ry="12.500" /><circle class="spark" cx="160" cy="135" r="4" /><circle class="spark" cx="152" cy="145" r="1.800" /></g>
    <g class="eye"><ellipse class="ink" cx="244" cy="140" rx="11" ry="12.500" /><circle class="spark" cx="248" cy="135" r="4" /><circle class="spark" cx="240" cy="145" r="1.800" /></g>
  </g>
  <g class="eyes-closed line"><path d="M142 140q14 12 28 0" /><path d="M230 140q14 12 28 0" /></g>
  <g class="brows line"><path class="brow-left" d="M142 116q12-8 24-3" /><path class="brow-right" d="M234 113q12-5 24 3" /></g>`;

const MUZZLE = svg`
  <ellipse class="cheek" cx="128" cy="178" rx="19" ry="13" /><ellipse class="cheek" cx="272" cy="178" rx="19" ry="13" />
  <ellipse class="cream" cx="200" cy="188" rx="54" ry="42" />
  <g class="mouth-open">
    <ellipse class="mouth-dark" cx="200" cy="206" rx="21" ry="19" />
    <ellipse class="tongue" cx="200" cy="221" rx="15" ry="12" clip-path="url(#mouth-shape)" />
  </g>
  <path class="mouth-smile line" d="M178 196q11 13 22 1q11 12 22-1" />
  <path class="mouth-flat line" d="M186 202h28" />
  <path class="mouth-sad line" d="M182 209q18-14 36 0" />
  <path class="line nose-line" d="M200 180v16" />
  <path class="ink" d="M182 164q18-10 36 0q2 12-18 20q-20-8-18-20z" />
  <ellipse class="nose-shine" cx="193" cy="165" rx="6" ry="3" />`;

const CAP = svg`
  <g class="cap">
    <path class="cap-cloth" d="M112 76C130 20 196-22 258-4c48 14 68 52 70 92-12 2-26 0-40-10-56-22-116-24-176-2z" />
    <path class="cap-stripe" d="M150 26c40 2 92 12 132 34M196-4c32 6 70 22 98 50" />
    <path class="cap-band" d="M104 84c60-26 132-26 192 2" />
    <circle class="cap-ball" cx="326" cy="88" r="17" />
  </g>`;

const SCARF = svg`
  <g class="scarf">
    <path class="scarf-end" d="M252 236l38 8 4 70q-18 8-38 2z" />
    <path class="scarf-stripe" d="M256 286l38-4M257 300l38-3" />
    <path class="scarf-ring" d="M112 216c26 26 148 28 178 0 8 12 8 24 0 32-36 24-142 24-178 0-8-10-8-22 0-32z" />
    <path class="scarf-stripe" d="M136 232l-6 26M168 242l-3 27M232 242l4 27M264 233l8 24" />
    <circle class="scarf-knot" cx="264" cy="246" r="17" />
  </g>`;

const ARM = svg`
  <path class="arm-edge" d="M120 264q-34 34-32 78" />
  <path class="arm-fur" d="M120 264q-34 34-32 78" />`;
const PADS = svg`
  <g class="cream"><ellipse cx="86" cy="352" rx="13" ry="11" /><circle cx="72" cy="338" r="4.500" /><circle cx="84" cy="333" r="5" /><circle cx="97" cy="337" r="4.500" /></g>`;
/** The paw of an arm that is behind what it holds. */
const GRIP = svg`
  <g class="grip"><rect class="grip-fur" x="42" y="318" width="52" height="54" rx="26" /><path class="seam" d="M66 334h22M68 345h23M66 356h22" /></g>`;

const SLEEP = svg`<g class="zzz"><path d="M300 70h16l-16 18h16" /><path d="M330 40h20l-20 22h20" /><path d="M364 2h25l-25 28h25" /></g>`;
const NOTES = svg`
  <g class="notes">
    <path d="M54 120v-34l24-6v34" /><circle cx="48" cy="121" r="7" /><circle cx="72" cy="115" r="7" />
    <path d="M346 150v-34" /><circle cx="340" cy="151" r="7" /><path d="M346 116q12 4 12 16" />
    <path d="M24 210v-28" /><circle cx="18" cy="211" r="6" /><path d="M24 182q10 3 10 14" />
  </g>`;
const HEARTS = svg`
  <g class="hearts">
    <path d="M62 150c-11-8-18-14-18-23 0-12 15-13 18-3 3-10 18-9 18 3 0 9-7 15-18 23z" />
    <path d="M338 120c-11-8-18-14-18-23 0-12 15-13 18-3 3-10 18-9 18 3 0 9-7 15-18 23z" />
    <path d="M358 200c-8-6-13-10-13-17 0-9 11-9 13-2 2-7 13-7 13 2 0 7-5 11-13 17z" />
  </g>`;

/** @param {import("../web_common/html.js").View} half the left half of something */
const both = (half) => svg`<g class="left">${half}</g><g class="mirror"><g class="right">${half}</g></g>`;

/** All of it but what is in front of the board that it may hold. @param {LampSign} sign */
export const bearBehind = (sign) => svg`
  <svg class="bear-layer" viewBox="0 0 400 440" aria-hidden="true">
    ${DEFINITIONS} ${RUG}
    <g class="bear-figure">
      <g class="bear-body">${BODY} ${lamp(sign)} ${both(FOOT)}</g>
      <g class="bear-head">
        ${both(svg`<g class="ear">${EAR}</g>`)}
        <path class="fur" d="M200 40c72 0 116 46 116 106 0 52-50 84-116 84s-116-32-116-84c0-60 44-106 116-106z" />
        <path class="seam" d="M200 43v52" />
        ${EYES} ${MUZZLE} ${CAP}
      </g>
      ${SCARF}
      <g class="arms-behind">${both(svg`<g class="arm">${ARM}</g>`)}</g>
    </g>
    ${SLEEP} ${NOTES} ${HEARTS}
  </svg>`;

/** The arms, or only the paws while they hold something. */
export const bearInFront = svg`
  <svg class="bear-layer bear-front" viewBox="0 0 400 440" aria-hidden="true">
    <g class="bear-figure">
      <g class="arms">${both(svg`<g class="arm">${ARM}${PADS}</g>`)}</g>
      <g class="grips">${both(GRIP)}</g>
    </g>
  </svg>`;
