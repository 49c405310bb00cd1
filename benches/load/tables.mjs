// What was measured, as tables.

/** Two or three figures that count. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}

const COLUMNS = ["", "per s", "p50 ms", "p99 ms", "errors", "CPU ms", "MiB", "rate ×", "p50 ×", "p99 ×", "CPU ×", "MiB ×"];

/** The lines of one table for each arrangement. What follows × is divided by the bare handler's. */
export function tables({ arrangements }) {
  const lines = [];
  for (const { name, rows, burdens = [] } of arrangements) {
    lines.push(`${name}:`, "", `| ${COLUMNS.join(" | ")} |`, `| --- |${" ---: |".repeat(COLUMNS.length - 1)}`);
    for (const { name: row, ours, bare } of rows) {
      const ratios = ["rate", "p50", "p99", "cpu", "memory"].map((figure) => (ours[figure] === null || bare[figure] === null ? null : ours[figure] / bare[figure]));
      const cells = [ours.rate, ours.p50, ours.p99].map(short);
      lines.push(`| ${[row, ...cells, ours.errors, ...[ours.cpu, ours.memory, ...ratios].map(short)].join(" | ")} |`);
    }
    lines.push("", ...beside(rows));
    for (const { name: what, without, during } of burdens) {
      const { rows: erased, seconds } = during.erased;
      lines.push(`While ${what}, \`PUT /cards/{id}\` has ${short(during.rate / without.rate)} × its rate`, `and ${short(during.p99 / without.p99)} × its p99; the ${erased.toLocaleString("en")} rows take ${short(seconds)} s.`);
    }
    lines.push("");
  }
  return lines;
}

/** What is compared with something else than the bare handler. */
function beside(rows) {
  const rate = (start) => rows.find(({ name }) => name.startsWith(start)).ours.rate;
  const part = (one, other) => short(rate(one) / rate(other));
  const shares = (streams) => part(`\`POST /shares\`, ${streams}`, "`POST /shares`, no");
  return [
    `A page of 50 cards has ${part("`GET /cards`, a page", "`GET /health`")} × the rate of \`GET /health\`; \`POST /shares\` with 1,000 and with 5,000`,
    `streams ${shares("1,000")} × and ${shares("5,000")} × the rate without.`,
  ];
}
