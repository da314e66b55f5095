// Drawn signs, 24 × 24, one stroke wide. They are decoration: whatever they stand on carries the words.

import { html, svg } from "./html.js";

const SHAPES = {
  add: svg`<path d="M12 5v14M5 12h14" />`,
  back: svg`<path d="M15 5l-7 7 7 7" />`,
  bell: svg`<path d="M6 16V11a6 6 0 0112 0v5l2 2H4zM10 21h4" />`,
  chat: svg`<path d="M4 5h16v11H9l-5 4z" />`,
  check: svg`<path d="M5 12.5l4.5 4.5L19 7.5" />`,
  checks: svg`<path d="M2 12.5l4.5 4.5L16 7.5M11.5 16l1 1L22 7.5" />`,
  clock: svg`<circle cx="12" cy="12" r="8.5" /><path d="M12 7v5l3.5 2" />`,
  close: svg`<path d="M6 6l12 12M18 6L6 18" />`,
  download: svg`<path d="M12 4v11M7 11l5 5 5-5M5 20h14" />`,
  ear: svg`<path d="M8 10a5 5 0 0110 0c0 4-4 4.5-4 8a3 3 0 01-5 2M11 10a2 2 0 014 0c0 1.5-2 2-2 3.5" />`,
  group: svg`<circle cx="9" cy="9" r="3.5" /><circle cx="17" cy="10" r="2.5" /><path d="M3 20c.5-4 2.5-6 6-6s5.5 2 6 6M17 15c2.5 0 4 1.5 4.300 4" />`,
  lock: svg`<rect x="5" y="11" width="14" height="9" rx="2" /><path d="M8 11V8a4 4 0 018 0v3" />`,
  mic: svg`<rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5 11a7 7 0 0014 0M12 18v3" />`,
  moon: svg`<path d="M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z" />`,
  more: svg`<circle cx="5" cy="12" r="1" /><circle cx="12" cy="12" r="1" /><circle cx="19" cy="12" r="1" />`,
  music: svg`<path d="M9 18V5l11-2v13" /><circle cx="6.5" cy="18" r="2.5" /><circle cx="17.5" cy="16" r="2.5" />`,
  pause: svg`<path d="M8 5v14M16 5v14" />`,
  pen: svg`<path d="M4 20l1-4L16 5l3 3L8 19z" />`,
  people: svg`<circle cx="12" cy="8" r="4" /><path d="M4 21c.7-5 3.5-7 8-7s7.300 2 8 7" />`,
  play: svg`<path d="M7 4.5l12 7.5-12 7.5z" />`,
  scan: svg`<path d="M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M7 12h10" />`,
  search: svg`<circle cx="11" cy="11" r="6.5" /><path d="M16 16l4.5 4.5" />`,
  send: svg`<path d="M4 12l16-8-5 16-3.5-6.5z" />`,
  settings: svg`<path d="M4 7h10M18 7h2M4 17h2M10 17h10" /><circle cx="16" cy="7" r="2" /><circle cx="8" cy="17" r="2" />`,
  stop: svg`<rect x="6" y="6" width="12" height="12" rx="2" />`,
  toy: svg`<circle cx="6.5" cy="7" r="2.5" /><circle cx="17.5" cy="7" r="2.5" /><circle cx="12" cy="13" r="7" /><path d="M9.5 15.5q2.5 2 5 0" />`,
  trash: svg`<path d="M5 7h14M10 4h4M7 7l1 13h8l1-13" />`,
  undo: svg`<path d="M5 9h9a5 5 0 010 10H9M5 9l4-4M5 9l4 4" />`,
  up: svg`<path d="M12 19V5M6 11l6-6 6 6" />`,
  warning: svg`<path d="M12 4l9 16H3zM12 10v4M12 17v.2" />`,
};

/** @param {keyof typeof SHAPES} name */
export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${SHAPES[name]}</svg>`;
