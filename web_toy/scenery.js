// The room around the bear. Colours come from `room.css`, by the time of day there.

import { html, svg } from "../web_common/html.js";

const WINDOW = svg`
  <svg class="scene-window" viewBox="0 0 200 220" aria-hidden="true">
    <rect class="frame" x="26" y="18" width="148" height="170" rx="74" />
    <clipPath id="pane"><rect x="36" y="28" width="128" height="150" rx="64" /></clipPath>
    <g clip-path="url(#pane)">
      <rect class="sky" x="30" y="20" width="140" height="170" />
      <g class="by-night">
        <path class="moon" d="M128 92a26 26 0 11-22-40 21 21 0 0022 40z" />
        <g class="stars"><circle cx="62" cy="62" r="2" /><circle cx="78" cy="104" r="1.600" /><circle cx="140" cy="122" r="2" /><circle cx="142" cy="60" r="1.500" /><circle cx="56" cy="134" r="1.500" /><circle cx="112" cy="138" r="1.400" /></g>
      </g>
      <g class="by-day">
        <circle class="sun" cx="128" cy="72" r="20" />
        <path class="cloud" d="M52 112c-12 0-14-16-2-18 2-14 24-14 26-2 14-2 16 20 2 20z" />
      </g>
      <path class="hill" d="M30 190v-32c34-26 62-10 78 0 20-16 44-12 66 6v26z" />
    </g>
    <path class="bars" d="M100 28v150M36 108h128" />
    <path class="curtain" d="M22 10c18 0 30 2 36 4-2 60-14 104-44 128V18z" /><path class="curtain" d="M178 10c-18 0-30 2-36 4 2 60 14 104 44 128V18z" />
    <path class="rod" d="M6 10h188" /><rect class="sill" x="14" y="184" width="172" height="12" rx="6" />
  </svg>`;

const GARLAND = svg`
  <svg class="scene-garland" viewBox="0 0 600 90" preserveAspectRatio="xMidYMin meet" aria-hidden="true">
    <path class="string" d="M-10 8q155 62 310 26q155 36 310-26" />
    <path class="flag-one" d="M50 29l34 9-24 34zM290 36l34-2-14 40z" /><path class="flag-two" d="M130 43l36 1-18 38zM372 40l36-1-15 38z" />
    <path class="flag-three" d="M212 43l36-4-12 40zM456 38l35-7-10 40z" /><path class="flag-one" d="M530 24l32-12 0 40z" />
  </svg>`;

const SHELF = svg`
  <svg class="scene-shelf" viewBox="0 0 260 180" aria-hidden="true">
    <rect class="plank" y="120" width="260" height="12" rx="5" /><path class="bracket" d="M34 132v22l20-22zM226 132v22l-20-22z" />
    <rect class="book-one" x="22" y="56" width="20" height="64" rx="3" /><rect class="book-two" x="44" y="68" width="18" height="52" rx="3" />
    <rect class="book-three" x="64" y="50" width="22" height="70" rx="3" /><path class="book-one" d="M92 62l18-5 16 60-18 5z" />
    <circle class="ball" cx="166" cy="94" r="26" /><path class="ball-line" d="M142 86q24 18 48 0M166 68q-14 26 0 52" />
    <g class="plant"><path d="M222 92c-20-8-22-30-18-44 14 8 22 24 18 44zM224 92c-2-22 8-36 22-44 6 16 0 36-22 44zM222 94q-8-30 2-60 12 30-2 60z" /></g>
    <path class="pot" d="M206 90h36l-5 30h-26z" />
  </svg>`;

const BLOCKS = svg`
  <svg class="scene-blocks" viewBox="0 0 180 130" aria-hidden="true">
    <rect class="book-two" x="6" y="70" width="56" height="56" rx="8" /><rect class="book-one" x="66" y="70" width="56" height="56" rx="8" />
    <rect class="book-three" x="38" y="12" width="56" height="56" rx="8" transform="rotate(-6 66 40)" /><circle class="ball" cx="150" cy="102" r="24" />
    <g class="block-sign"><path d="M34 84l14 28H20zM94 84c-8-10-20 4 0 20 20-16 8-30 0-20z" /><circle cx="66" cy="40" r="11" /></g>
  </svg>`;

export const scenery = html`
  <div class="scene" aria-hidden="true">
    <div class="scene-wall"></div>
    ${GARLAND} ${WINDOW} ${SHELF}
    <div class="scene-floor"></div>
    ${BLOCKS}
  </div>`;
