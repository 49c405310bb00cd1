import { el } from "./dom.js";

/** Calls `make` at the first use: formats take long to make, and the first view of the page shows none. */
function later(make) {
  let made;
  return () => (made ??= make());
}

const dateAndTime = later(() => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }));

/** A point in time, in the reader's language and time zone. */
export const moment = (milliseconds) => dateAndTime().format(milliseconds);

const timeElement = (milliseconds, text) => el("time", { datetime: new Date(milliseconds).toISOString() }, text);

/** The same as an element. */
export const time = (milliseconds) => timeElement(milliseconds, moment(milliseconds));

const clock = later(() => new Intl.DateTimeFormat(undefined, { timeStyle: "short" }));

/** The same as people say it: `at` a time of today, or `on` another day. */
export function when(milliseconds) {
  const isToday = new Date(milliseconds).toDateString() === new Date().toDateString();
  const text = isToday ? clock().format(milliseconds) : moment(milliseconds);
  return el("span", {}, isToday ? "at " : "on ", timeElement(milliseconds, text));
}

/** How long a step took, in whole milliseconds; nothing of one that has no time, or of none. */
export const took = (told) => (typeof told?.duration === "number" ? `${Math.round(told.duration)} ms` : "");

const number = later(() => new Intl.NumberFormat("en-GB"));

/** A count of characters. */
export const characters = (count) => `${number().format(count)} ${count === 1 ? "character" : "characters"}`;

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];
const STEP = 1000;
const units = later(() =>
  UNITS.map((unit) => new Intl.NumberFormat("en-GB", { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumSignificantDigits: 3 })),
);

/** A count of bytes, as people say it. */
export function bytes(count) {
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  return units()[step].format(count / STEP ** step);
}

/** A name for a card's field, made of its label and unlike those in `taken`. */
export function fieldName(label, taken) {
  const plain = label.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "") || "field";
  let name = plain;
  for (let count = 2; taken.has(name); count += 1) name = `${plain}_${count}`;
  return name;
}
