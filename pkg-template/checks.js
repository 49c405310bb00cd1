/** Checks of the types of arguments, for callers without TypeScript. The module checks their values. */

import { VouchsafeError } from "./errors.js";
import { kindOf, own } from "./own.js";

/**
 * @param {string} message
 * @returns {never}
 */
function refuse(message) {
  throw new VouchsafeError("bad_input", message);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function text(value, name) {
  return typeof value === "string" ? value : refuse(`Pass \`${name}\` as a string.`);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {number}
 */
export function number(value, name) {
  return Number.isSafeInteger(value) ? /** @type {number} */ (value) : refuse(`Pass \`${name}\` as a whole number.`);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {boolean}
 */
export function flag(value, name) {
  return typeof value === "boolean" ? value : refuse(`Pass \`${name}\` as true or false.`);
}

/**
 * A time, in milliseconds since 1970.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {number}
 */
export function time(value, name) {
  const milliseconds = kindOf(value) === "Date" ? /** @type {Date} */ (value).getTime() : value;
  return Number.isSafeInteger(milliseconds)
    ? /** @type {number} */ (milliseconds)
    : refuse(`Pass \`${name}\` as a valid Date, or in whole milliseconds as Date.now() gives them.`);
}

/**
 * @template {Function} F
 * @param {F} value
 * @param {string} name
 * @returns {F}
 */
export function callable(value, name) {
  return typeof value === "function" ? value : refuse(`Pass \`${name}\` as a function.`);
}

/**
 * @template {object} T
 * @param {T} value
 * @param {string} name
 * @returns {T}
 */
export function object(value, name) {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value
    : refuse(`Pass ${name} as an object.`);
}

/**
 * Checks an object with a call's options, and copies it as {@link own} does. It refuses a misspelt member: `expireAt` would
 * else mean "never".
 *
 * @template {object} T
 * @param {T} value
 * @param {string} name
 * @param {readonly string[]} members
 * @returns {T}
 */
export function options(value, name, members) {
  const unknown = Object.keys(object(value, name)).find((member) => !members.includes(member));
  return unknown === undefined ? own(value) : refuse(`Leave out \`${unknown}\`: ${name} has no such member.`);
}

/**
 * @template T, R
 * @param {readonly T[]} value
 * @param {string} name
 * @param {(item: T, name: string) => R} check
 * @returns {R[]}
 */
export function list(value, name, check) {
  if (!Array.isArray(value)) refuse(`Pass \`${name}\` as an array.`);
  return Array.from(value, (item, index) => check(item, `${name}[${index}]`));
}

/**
 * Checks a value that may be left out: `undefined` and `null` are the same.
 *
 * @template T, R
 * @param {T | null | undefined} value
 * @param {string} name
 * @param {(value: T, name: string) => R} check
 * @returns {R | undefined}
 */
export function optional(value, name, check) {
  return value === undefined || value === null ? undefined : check(value, name);
}

/**
 * @template {string} T
 * @param {unknown} value
 * @param {string} name
 * @param {readonly T[]} words
 * @returns {T}
 */
export function oneOf(value, name, words) {
  const word = words.find((candidate) => candidate === value);
  return word ?? refuse(`Pass \`${name}\` as one of ${words.map((candidate) => `"${candidate}"`).join(", ")}.`);
}
