// What was measured, as a table.

/** Two or three figures that count. */
const short = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : String(Number(value.toPrecision(2))));

const sorted = (values) => values.toSorted((a, b) => a - b);

/** The value in the middle. */
export function median(values) {
  const [low, high] = [sorted(values)[(values.length - 1) >> 1], sorted(values)[values.length >> 1]];
  return (low + high) / 2;
}

/** The ratios of one thing to another, round by round: the middle one, the smallest and the largest. */
export function ratio(ours, others) {
  const ratios = ours.map((value, round) => value / others[round]);
  return { middle: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

const shown = ({ middle, least, most }) => `${short(middle)} (${short(least)}–${short(most)})`;

/** The lines of the table. Of each round the package is divided by what was measured beside it; the middle of all rounds, and in brackets the range. */
export function table({ rows }) {
  const lines = ["| the package | ms | beside | ms | × | at most |", "| --- | ---: | --- | ---: | ---: | ---: |"];
  for (const { name, ours, beside } of rows) {
    for (const [index, { name: other, times, most }] of beside.entries()) {
      const own = index === 0 ? [name, short(median(ours))] : ["", ""];
      lines.push(`| ${[...own, other, short(median(times)), shown(ratio(ours, times)), most ?? ""].join(" | ")} |`);
    }
  }
  return lines;
}

/** A number of bytes, or of things, as people write it. */
export const amount = (value, unit) => (unit !== "bytes" ? value.toLocaleString("en") : value < 1024 ? `${value} B` : value < 2 ** 20 ? `${value / 1024} KiB` : `${value / 2 ** 20} MiB`);

/** The lines of the table of a curve: milliseconds, the middle of all rounds. */
export function curveTable({ name, unit, lines }) {
  const all = [...new Set(lines.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted((a, b) => a - b);
  const cells = ({ points }) => all.map((x) => points.find((point) => point.x === x)).map((point) => (point ? short(median(point.times)) : ""));
  const row = (words) => `| ${words.join(" | ")} |`;
  return [row([`${name}, ms`, ...all.map((x) => amount(x, unit))]), `| --- |${" ---: |".repeat(all.length)}`, ...lines.map((line) => row([line.name, ...cells(line)]))];
}

/** The lines of the table of what was done many times. The package, which is the first, is divided by each of the others. What the browser does not tell of is left out. */
export function watchedTable({ count, things }) {
  const [ours] = things;
  const watched = [
    { name: "longest task, ms", of: ({ longest }) => longest, show: (task) => (task === 0 ? "under 50" : short(task)) },
    { name: "heap, MB", of: ({ heap }) => heap, show: (bytes) => (bytes / 1e6).toFixed(1) },
  ].filter(({ of }) => !things.some((thing) => of(thing).includes(null)));
  const row = (words) => `| ${words.join(" | ")} |`;
  return [
    row([`${amount(count)} times`, "ms", "× of the package", ...watched.map(({ name }) => name)]),
    `| --- | ---: | ---: |${" ---: |".repeat(watched.length)}`,
    ...things.map((thing) => {
      const beside = thing === ours ? "" : shown(ratio(ours.times, thing.times));
      return row([thing.name, short(median(thing.times)), beside, ...watched.map(({ of, show }) => show(median(of(thing))))]);
    }),
  ];
}
