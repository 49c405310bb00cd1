// A curve of the figures as a picture: a line for each thing, named where it ends. Its colours can be seen on white and on black.

import { amount, median } from "./table.mjs";

const [WIDTH, HEIGHT] = [860, 440];
/** The part in which the lines are; beside it are the axes' words and the lines' names. */
const [LEFT, RIGHT, TOP, BOTTOM] = [66, 590, 48, 378];
/** What two names are apart at least. */
const LINE = 17;

const GREY = "#7a828a";
/** Of the package, and of the others one after another. */
const OURS = "#d9480f";
const OTHERS = ["#1c7ed6", "#2f9e44", "#ae3ec9", "#a67c00"];

const time = (ms) => (ms >= 1000 ? `${ms / 1000} s` : ms >= 1 || ms === 0 ? `${ms} ms` : `${Math.round(ms * 1000)} µs`);

/** Where a value lies between two others, in places or in powers. */
const between = (least, most, from, to, map) => (value) => from + ((map(value) - map(least)) / (map(most) - map(least))) * (to - from);

/** Ends of an axis of time, and its marks: powers of ten, or steps of 1, 2 or 5 of them. */
function timeAxis(values, isLog) {
  const power = (value, round) => 10 ** round(Math.log10(value));
  if (isLog) {
    const [least, most] = [power(Math.min(...values), Math.floor), power(Math.max(...values), Math.ceil)];
    return { least, most, marks: Array.from({ length: Math.round(Math.log10(most / least)) + 1 }, (_, index) => Number((least * 10 ** index).toPrecision(1))) };
  }
  const most = Math.max(...values);
  const step = [1, 2, 5, 10].map((times) => times * power(most / 5, Math.floor)).find((one) => most / one <= 6);
  const count = Math.ceil(most / step);
  return { least: 0, most: count * step, marks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}

/** The heights at which names stand, each as near to its line's end as the others let it. */
function apart(heights) {
  const order = heights.map((_, index) => index).toSorted((a, b) => heights[a] - heights[b]);
  const placed = [...heights];
  let last = -Infinity;
  for (const index of order) last = placed[index] = Math.max(heights[index], last + LINE);
  let next = BOTTOM + 4;
  for (const index of order.toReversed()) next = (placed[index] = Math.min(placed[index], next)) - LINE;
  return placed;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** The picture, as SVG. Sizes are on logarithmic axes, numbers are not. */
export function plot({ name, unit, lines }) {
  const isLog = unit === "bytes";
  const map = isLog ? Math.log : (value) => value;
  const own = lines.filter((line) => line.name.startsWith("Vouchsafe"));
  const drawn = lines.map((line, index) => ({
    name: line.name,
    colour: own.includes(line) ? OURS : OTHERS[index - own.length],
    dash: own.indexOf(line) > 0 ? ' stroke-dasharray="7 4"' : "",
    points: line.points.map(({ x, times }) => [x, median(times)]),
  }));
  const xs = [...new Set(drawn.flatMap(({ points }) => points.map(([x]) => x)))].toSorted((a, b) => a - b);
  const axis = timeAxis(drawn.flatMap(({ points }) => points.map(([, ms]) => ms)), isLog);
  const across = between(isLog ? xs[0] : 0, xs.at(-1), LEFT, RIGHT, map);
  const up = between(axis.least, axis.most, BOTTOM, TOP, map);
  const at = (value) => value.toFixed(1);
  const words = (x, y, text, rest = "") => `<text x="${at(x)}" y="${at(y)}" ${rest}>${escaped(text)}</text>`;
  const ends = drawn.map(({ points }) => points.at(-1));
  const heights = apart(ends.map(([, ms]) => up(ms)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="13" fill="${GREY}">`,
    `<title>Time of ${escaped(name)}, by ${isLog ? "size" : "number"}</title>`,
    words(LEFT, 20, `Time of ${name}`, 'font-size="14"'),
    ...axis.marks.flatMap((ms) => [`<path d="M${LEFT} ${at(up(ms))}H${RIGHT}" stroke="${GREY}" stroke-opacity="0.3"/>`, words(LEFT - 8, up(ms) + 4, time(ms), 'text-anchor="end"')]),
    ...xs.flatMap((x) => [`<path d="M${at(across(x))} ${BOTTOM}v5" stroke="${GREY}"/>`, words(across(x), BOTTOM + 21, amount(x, unit), 'text-anchor="middle"')]),
    words((LEFT + RIGHT) / 2, BOTTOM + 46, isLog ? "size of the text or file; both axes are logarithmic" : unit, 'text-anchor="middle"'),
    ...drawn.flatMap(({ name: label, colour, dash, points }, index) => {
      const [x, y] = [across(ends[index][0]), up(ends[index][1])];
      const places = points.map(([size, ms]) => `${at(across(size))} ${at(up(ms))}`);
      return [
        `<path d="M${places.join("L")}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
        ...places.map((place) => `<circle cx="${place.split(" ")[0]}" cy="${place.split(" ")[1]}" r="3" fill="${colour}"/>`),
        `<path d="M${at(x)} ${at(y)}L${RIGHT + 12} ${at(heights[index])}" stroke="${colour}" stroke-dasharray="1 3"/>`,
        words(RIGHT + 16, heights[index] + 4, label, `fill="${colour}"`),
      ];
    }),
    "</svg>",
    "",
  ].join("\n");
}
