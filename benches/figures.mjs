// How long the main thread of a page was held up, from the browser's own trace: that has the tasks that a PerformanceObserver
// calls long, and the shorter ones, and says how much of each was work and not waiting for a processor.

const CATEGORIES = ["disabled-by-default-devtools.timeline"];

/** Milliseconds from which a browser calls a task long. */
export const LONG = 50;

/** Does `work`; its result, and what the tasks of the browser's pages took meanwhile. All times in milliseconds. */
export async function measured(browser, work) {
  await browser.startTracing(undefined, { categories: CATEGORIES });
  const start = performance.now();
  const result = await work();
  const duration = performance.now() - start;
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  return { result, figures: { "all of it": duration, ...tasksOf(traceEvents) } };
}

/** What a page asks its own server for tells its process from those of the browser's own pages. */
const asks = ({ name, args }) => name === "ResourceSendRequest" && args.data.url.startsWith("http");

function tasksOf(events) {
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const asking = new Set(events.filter(asks).map(({ pid }) => pid));
  const isOurs = ({ pid }) => asking.size === 0 || asking.has(pid);
  const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const pages = new Set(mains.filter(isOurs).map(thread));
  const tasks = events.filter((event) => event.name === "RunTask" && event.ph === "X" && pages.has(thread(event)));
  const most = (member) => Math.max(0, ...tasks.map((task) => (task[member] ?? 0) / 1000));
  return { "long tasks": tasks.filter(({ dur }) => dur > LONG * 1000).length, longest: most("dur"), "most work": most("tdur") };
}

/** The rows of several rounds in one: of each figure the smallest. */
export function smallest(rounds) {
  const least = (index, figure) => Math.min(...rounds.map((rows) => rows[index].figures[figure]));
  return rounds[0].map(({ name, figures }, index) => ({
    name,
    figures: Object.fromEntries(Object.keys(figures).map((figure) => [figure, least(index, figure)])),
  }));
}

/** Prints rows of the same figures as a table. */
export function print(title, rows) {
  const width = Math.max(title.length, ...rows.map(({ name }) => name.length));
  const line = (first, cells) => console.log([first.padEnd(width), ...cells.map((cell) => cell.padStart(14))].join(""));
  console.log();
  line(title, Object.keys(rows[0].figures));
  for (const { name, figures } of rows) {
    line(name, Object.values(figures).map((value) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 3 : 1))));
  }
}
