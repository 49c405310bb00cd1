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
