// A small writer of line plots as SVG text: precision-recall and reliability curves in reports, losses of a training run.
// The picture scales with its box, takes no script or font, and has a light and a dark theme (prefers-color-scheme).

/** One line of a plot. */
export interface Series {
  name: string;
  /** [x, y] in the axes' units, in the order to be joined; a point that is not finite breaks the line. */
  points: readonly (readonly [number, number])[];
  /** Points to be ringed, such as the one chosen. */
  rings?: readonly (readonly [number, number])[];
  /** How sure points are: [x, from, to], bars from one y to another. */
  bars?: readonly (readonly [number, number, number])[];
  /** line (default), line with a dot a point, or a thin grey dashed line that takes no colour of its own. */
  style?: "line" | "dots" | "reference";
}

/** An axis; a bound that is left out is taken from the points. */
interface Axis {
  label: string;
  from?: number;
  to?: number;
}

/** What to plot. */
interface Plot {
  /** Stands over the plot, and is what a screen reader says. */
  title: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
}

/** Units of the drawing; a phone shows it at about three quarters of a pixel a unit. */
const WIDTH = 480;
const HEIGHT = 300;
const LEFT = 54;
const RIGHT = 14;
const BOTTOM = 44;
const TITLE = 26;
const LEGEND_ROW = 19;
/** Mean advance of a letter at 13 units, to wrap the legend without measuring text; a little wide, so that names never overlap. */
const LETTER = 7.4;
const MAX_NAME = 40;
/** Points that move less than so many units from the last one drawn are left out: they cannot be seen. */
const MIN_MOVE = 0.4;

/** Colours of the series in turn, on light and on dark ground; each has at least 3:1 contrast there. */
const LIGHT = ["#1769aa", "#b35900", "#b3246b", "#1a7f4b", "#6b46c1", "#566573"];
const DARK = ["#5aaeee", "#f5a142", "#f277ac", "#4fc987", "#b79cf5", "#aab4be"];

const STYLE = [
  ".plot{color:#222;font:13px system-ui,sans-serif}.plot .grid{stroke:#8884;fill:none}.plot .axis{stroke:currentColor;fill:none}",
  ".plot text{fill:currentColor}.plot .reference{color:#777}.plot .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}",
  ".plot .reference .line{stroke-width:1.5;stroke-dasharray:5 4}.plot .bar{fill:none;stroke:currentColor;stroke-width:1.2}.plot .ring{fill:none;stroke:currentColor;stroke-width:2.5}",
  ...LIGHT.map((colour, i) => `.plot .c${i}{color:${colour}}`),
  `@media (prefers-color-scheme:dark){.plot{color:#ddd}.plot .reference{color:#999}${DARK.map((colour, i) => `.plot .c${i}{color:${colour}}`).join("")}}`,
].join("");

/** Text made safe between tags and within quoted attributes of HTML, SVG and XML; characters that XML forbids become "?". */
export function escapeMarkup(text: string): string {
  const marks: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "?").replace(/[&<>"']/g, (mark) => marks[mark]!);
}

/** Round values about `count` apart that lie in [from, to]: steps of 1, 2 or 5 times a power of ten. */
function ticks(from: number, to: number, count: number): number[] {
  const raw = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= raw * 0.999) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** The bounds of an axis: those given, else those of the values; never of zero length. */
function bounds(axis: Axis, values: readonly number[]): [number, number] {
  const there = values.filter(Number.isFinite);
  const from = axis.from ?? there.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const to = axis.to ?? there.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (Number.isFinite(from) && Number.isFinite(to)) return from < to ? [from, to] : [from, from + (Math.abs(from) || 1)];
  if (Number.isFinite(from)) return [from, from + 1];
  return Number.isFinite(to) ? [to - 1, to] : [0, 1];
}

const place = (value: number): string => String(Math.round(value * 10) / 10);
const tickText = (value: number): string => String(Number(value.toPrecision(4)));

/** Path data of a line, without the points that look the same as the one before. */
function path(points: readonly (readonly [number, number])[]): string {
  let data = "";
  let last: readonly [number, number] | null = null;
  points.forEach((point, i) => {
    const [x, y] = point;
    if (!Number.isFinite(x + y)) {
      last = null;
      return;
    }
    const next = points[i + 1];
    const ends = next === undefined || !Number.isFinite(next[0] + next[1]);
    if (last !== null && !ends && Math.max(Math.abs(x - last[0]), Math.abs(y - last[1])) < MIN_MOVE) return;
    data += `${last === null ? "M" : "L"}${place(x)} ${place(y)}`;
    last = point;
  });
  return data;
}

/** The legend's entries with their places, in as many rows as they need. */
function legendPlaces(names: readonly string[]): { places: { x: number; row: number; name: string }[]; rows: number } {
  let x = LEFT;
  let row = 0;
  const places = names.map((full) => {
    const name = full.length > MAX_NAME ? `${full.slice(0, MAX_NAME - 1)}\u2026` : full;
    const width = 28 + LETTER * name.length;
    if (x > LEFT && x + width > WIDTH) {
      x = LEFT;
      row++;
    }
    const entry = { x, row, name };
    x += width + 6;
    return entry;
  });
  return { places, rows: names.length === 0 ? 0 : row + 1 };
}

/**
 * The plot as an `<svg>` element, for a file of its own or for use in HTML: title, legend, axes with round ticks, lines.
 * A series without points keeps its colour free, so that the same list has the same colours in every plot; it is not in the
 * legend. Lines are cut off at the axes' bounds. All text is escaped.
 */
export function linePlot(plot: Plot): string {
  const shown = plot.series.filter(({ points }) => points.some(([x, y]) => Number.isFinite(x + y)));
  const [xFrom, xTo] = bounds(
    plot.x,
    shown.flatMap(({ points }) => points.map(([x]) => x)),
  );
  const [yFrom, yTo] = bounds(
    plot.y,
    shown.flatMap(({ points, bars }) => [...points.map(([, y]) => y), ...(bars ?? []).flatMap(([, from, to]) => [from, to])]),
  );
  const { places, rows } = legendPlaces(shown.map(({ name }) => name));
  const top = TITLE + rows * LEGEND_ROW + 10;
  const height = top + HEIGHT - TITLE;
  const floor = height - BOTTOM;
  const toX = (x: number): number => LEFT + ((x - xFrom) / (xTo - xFrom)) * (WIDTH - RIGHT - LEFT);
  const toY = (y: number): number => floor - ((y - yFrom) / (yTo - yFrom)) * (floor - top);
  const within = ([x, y]: readonly [number, number]): boolean => x >= xFrom && x <= xTo && y >= yFrom && y <= yTo;
  const colours = plot.series.filter(({ style }) => style !== "reference");
  const classOf = (series: Series): string => (series.style === "reference" ? "reference" : `c${colours.indexOf(series) % LIGHT.length}`);
  const circle =
    (kind: string, radius: number) =>
    ([x, y]: readonly [number, number]) =>
      `<circle class="${kind}" cx="${place(toX(x))}" cy="${place(toY(y))}" r="${radius}" ${kind === "dot" ? 'fill="currentColor"' : ""}/>`;

  const xTicks = ticks(xFrom, xTo, 5);
  const yTicks = ticks(yFrom, yTo, 5);
  const grid = [
    ...xTicks.map((x) => `M${place(toX(x))} ${place(top)}V${place(floor)}`),
    ...yTicks.map((y) => `M${LEFT} ${place(toY(y))}H${WIDTH - RIGHT}`),
  ].join("");
  const labels = [
    ...xTicks.map((x) => `<text x="${place(toX(x))}" y="${floor + 17}" text-anchor="middle">${tickText(x)}</text>`),
    ...yTicks.map((y) => `<text x="${LEFT - 7}" y="${place(toY(y) + 4.5)}" text-anchor="end">${tickText(y)}</text>`),
  ].join("");
  const middle = { x: place((LEFT + WIDTH - RIGHT) / 2), y: place((top + floor) / 2) };
  const legend = places.map(({ x, row, name }, i) => {
    const y = TITLE + row * LEGEND_ROW + 8;
    return `<g class="${classOf(shown[i]!)}"><path class="line" d="M${place(x)} ${y}h18"/></g><text x="${place(x + 23)}" y="${y + 4.5}">${escapeMarkup(name)}</text>`;
  });
  const lines = shown.map((series) => {
    const points = series.points.map(([x, y]) => [toX(x), toY(y)] as const);
    const dots = series.style === "dots" ? series.points.filter(within).map(circle("dot", 3.5)) : [];
    const rings = (series.rings ?? []).filter(within).map(circle("ring", 6));
    const bars = (series.bars ?? []).map(([x, from, to]) => `M${place(toX(x))} ${place(toY(from))}V${place(toY(to))}`).join("");
    const marks = `${bars && `<path class="bar" d="${bars}"/>`}${dots.join("")}${rings.join("")}`;
    return `<g class="${classOf(series)}"><path class="line" d="${path(points)}"/>${marks}</g>`;
  });
  const title = escapeMarkup(plot.title);
  return [
    `<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${place(height)}" role="img" aria-label="${title}"><style>${STYLE}</style>`,
    `<text x="${LEFT}" y="17" font-weight="600">${title}</text>`,
    ...legend,
    `<path class="grid" d="${grid}"/><path class="axis" d="M${LEFT} ${place(top)}V${place(floor)}H${WIDTH - RIGHT}"/>${labels}`,
    `<text x="${middle.x}" y="${place(height - 8)}" text-anchor="middle">${escapeMarkup(plot.x.label)}</text>`,
    `<text transform="translate(14 ${middle.y}) rotate(-90)" text-anchor="middle">${escapeMarkup(plot.y.label)}</text>`,
    `<svg x="${LEFT}" y="${place(top - 8)}" width="${WIDTH - RIGHT - LEFT + 8}" height="${place(floor - top + 16)}" viewBox="${LEFT} ${place(top - 8)} ${WIDTH - RIGHT - LEFT + 8} ${place(floor - top + 16)}">`,
    ...lines,
    shown.length === 0 ? `<text x="${middle.x}" y="${middle.y}" text-anchor="middle">nothing to show</text>` : "",
    "</svg></svg>",
  ].join("");
}
