// What is run of many cases: all of them with `cargo xtask test --thorough`, else some, others with each commit.

import { basename } from "node:path";
import { test as always } from "node:test";

/** Whether everything is run. */
export const thorough = process.env.VOUCHSAFE_THOROUGH === "1";

/** The number of the sample; where there is none, somebody runs tests by name. */
const number = process.env.VOUCHSAFE_SAMPLE;

/** `count` of the cases, or all. They follow one another, so that as many commits as there are cases try each of them. */
export function sample(cases, count) {
  if (thorough) return cases;
  const first = Number(number ?? 0);
  return Array.from({ length: Math.min(count, cases.length) }, (_, index) => cases[(first + index) % cases.length]);
}

/** A test of a file is in one of so many samples. One of the page, or of a bundler, takes some ten seconds. */
const SAMPLES = 5;

/** The first test of a file is in a sample that its name chooses; were it the same for all, one sample would have the most. */
let place = [...basename(process.argv[1] ?? "")].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 0);

/** `test` of Node.js for what is beside the main ways: it skips those that are in other samples. */
export function test(name, run) {
  const mine = (place++ + Number(number ?? 0)) % SAMPLES === 0;
  const skip = !thorough && number !== undefined && !mine && "in another sample";
  always(name, { skip }, run);
}

/** `test` of Node.js for one of `all`, which take turns: each sample has one of them. */
export function testInTurn(one, all, name, run) {
  const skip = number !== undefined && !sample(all, 1).includes(one) && "in another sample";
  always(name, { skip }, run);
}
