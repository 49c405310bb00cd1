import { el } from "./dom.js";

/** Calls `make` at the first use: formats take long to make, and the first view of the page shows none. */
function later(make) {
  let made;
  return () => (made ??= make());
}

const moment = later(() => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }));

/** A point in time, in the reader's language and time zone. */
export const time = (milliseconds) =>
  el("time", { datetime: new Date(milliseconds).toISOString() }, moment().format(milliseconds));

/** A duration in whole milliseconds. */
export const duration = (milliseconds) => `${Math.round(milliseconds)} ms`;

const number = later(() => new Intl.NumberFormat("en-GB"));

/** A count of characters. */
export const characters = (count) => `${number().format(count)} ${count === 1 ? "character" : "characters"}`;

/** A name for a card's field, made of its label and unlike those in `taken`. */
export function fieldName(label, taken) {
  const plain = label.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "") || "field";
  let name = plain;
  for (let count = 2; taken.has(name); count += 1) name = `${plain}_${count}`;
  return name;
}
