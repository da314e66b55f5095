// One number over some time: a line with its ground, its newest value and its highest.

import { html, nothing, svg } from "../web_common/html.js";
import { clockTime } from "../web_common/times.js";
import { texts } from "../web_common/texts.js";

/** @typedef {{ at: number, value: number | null }} Point */
/** @typedef {{ name: string, points: Point[] }} Line */

const WIDTH = 600;
const HEIGHT = 140;

const t = texts({
  en: { none: "nothing yet", summary: "{title}: {now} now, at most {most} since {from}" },
  zh: { none: "暂无数据", summary: "{title}：当前 {now}，自 {from} 起最高 {most}" },
});

/**
 * @param {{ title: string, unit?: string, now: string, lines: Line[], from: number, until: number }} chart `from` and
 *   `until`: its edges
 */
export function chart({ title, unit = "", now, lines, from, until }) {
  const values = lines.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
  const most = roundUp(Math.max(1, ...values));
  return html`<figure class="card op-chart">
    <figcaption class="row spread">
      <h2>${title}</h2>
      <span class="op-now">${now}${unit ? html` <span class="quiet small">${unit}</span>` : nothing}</span>
    </figcaption>
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${t("summary", { title, now, most: values.length ? Math.max(...values) : t("none"), from: clockTime(from) })}
    >
      ${[0.5, 1].map((share) => svg`<path class="op-grid" d="M0 ${HEIGHT * (1 - share) + 1}H${WIDTH}" />`)}
      ${lines.map(({ points }, index) => drawLine(points, most, from, until, index))}
    </svg>
    <div class="row spread quiet small" aria-hidden="true">
      <span>${clockTime(from)}</span>
      ${lines.length > 1 ? lines.map(({ name }, index) => html`<span class="op-key op-key-${index}">${name}</span>`) : nothing}
      <span>${most}</span>
      <span>${clockTime(until)}</span>
    </div>
  </figure>`;
}

/** @param {Point[]} points @param {number} most @param {number} from @param {number} until @param {number} index */
function drawLine(points, most, from, until, index) {
  const places = points.flatMap(({ at, value }) =>
    value === null ? [] : [[(WIDTH * (at - from)) / (until - from), HEIGHT - (HEIGHT - 2) * (value / most)]],
  );
  if (!places.length) return nothing;
  const path = places.map(([x = 0, y = 0], step) => `${step ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const [first = 0] = places[0] ?? [];
  const [last = 0] = places.at(-1) ?? [];
  return svg`
    ${index === 0 ? svg`<path class="op-area" d="${path}L${last.toFixed(1)} ${HEIGHT}L${first.toFixed(1)} ${HEIGHT}Z" />` : nothing}
    <path class="op-line op-line-${index}" vector-effect="non-scaling-stroke" d=${path} />
  `;
}

/** 1, 2, 5, 10, 20, 50 … @param {number} value */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 5, 10].find((step) => step * power >= value)) ?? 10) * power;
}
