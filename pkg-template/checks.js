/**
 * Checks of the types of arguments, for callers without TypeScript. The module checks their values; what people type and paste
 * comes to it in one form, because the tables for that are the platform's.
 */

import { VouchsafeError } from "./errors.js";
import { kindOf, own } from "./own.js";

/**
 * @param {string} message
 * @param {string} [argument] Its name, if it has one.
 * @returns {never}
 */
export function refuse(message, argument) {
  throw new VouchsafeError("bad_input", message, { argument });
}

/**
 * Half a letter would become another text as UTF-8.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function text(value, name) {
  if (typeof value !== "string") refuse(`Pass \`${name}\` as a string.`, name);
  return /\p{Cs}/u.test(value) ? refuse(`Pass \`${name}\` without half a letter (a lone surrogate).`, name) : value;
}

/**
 * A text that somebody typed or pasted, without what takes no place, its digits and dashes as ASCII has them. The digits of a
 * script stand in a row, from zero to nine (Unicode Standard, section 4.6).
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function typed(value, name) {
  return text(value, name)
    .normalize("NFKC")
    .replace(/\p{DI}/gu, "")
    .replace(/[\p{Pd}\u2212]/gu, "-")
    .replace(/\p{Nd}/gu, (digit) => {
      let before = -1;
      for (let code = Number(digit.codePointAt(0)); /\p{Nd}/u.test(String.fromCodePoint(code)); code -= 1) before += 1;
      return `${before % 10}`;
    });
}

/**
 * An email address, without blanks around it. Its host is in A-labels, as the URL Standard has the platform write it.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function address(value, name) {
  const [, who, host = "?"] = /^[\s\p{DI}]*(.+@)([^\s%:/?#\\]+?)[\s\p{DI}]*$/u.exec(text(value, name).normalize("NFKC")) ?? [];
  try {
    return `${who}${new URL(`http://${host}`).hostname.replace(/\.+$/, "")}`;
  } catch {
    return refuse("This is not an email address.", name);
  }
}

/**
 * The address of a page, as the URL Standard writes it.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function pageAddress(value, name) {
  try {
    const { href } = new URL(text(value, name));
    if (/^https?:[^#]+$/.test(href)) return href;
  } catch {}
  return refuse(`Pass \`${name}\` as a whole address without a fragment.`, name);
}

/**
 * The tag of a language, as the platform writes it.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function language(value, name) {
  try {
    const [tag] = Intl.getCanonicalLocales(text(value, name));
    if (tag) return tag;
  } catch {}
  return refuse(`Pass \`${name}\` as the tag of a language, such as "de" or "pt-BR".`, name);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {number}
 */
export function number(value, name) {
  const given = /** @type {number} */ (value);
  return Number.isSafeInteger(given) && given >= 0 ? given : refuse(`Pass \`${name}\` as a whole number from 0.`, name);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {boolean}
 */
export function flag(value, name) {
  return typeof value === "boolean" ? value : refuse(`Pass \`${name}\` as true or false.`, name);
}

/**
 * The JSON of a value that is read back as it was: `JSON.stringify` alone would make `null` of what is no number, and text of a Date.
 *
 * @param {unknown} value
 * @param {string} name
 * @returns {string}
 */
export function json(value, name) {
  try {
    return JSON.stringify(value, plain);
  } catch {
    return refuse(`Pass \`${name}\` as plain JSON, without dates, maps, NaN or undefined.`, name);
  }
}

/**
 * Throws for a value that JSON has not. The prototype of a plain object, also of another frame's, has none itself.
 *
 * @this {any}
 * @param {string} key
 * @param {unknown} value
 */
function plain(key, value) {
  const { getPrototypeOf, prototype } = Object;
  const isSimple = value === null || /^(boolean|string)$/.test(typeof value) || Number.isFinite(value) || Array.isArray(value);
  // It differs where `toJSON` has made it.
  if (value === this[key] && (isSimple || !getPrototypeOf(getPrototypeOf(value) ?? prototype))) return value;
  throw key;
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
    : refuse(`Pass \`${name}\` as a valid Date, or in whole milliseconds as Date.now() gives them.`, name);
}

/**
 * @template {Function} F
 * @param {F} value
 * @param {string} name
 * @returns {F}
 */
export function callable(value, name) {
  return typeof value === "function" ? value : refuse(`Pass \`${name}\` as a function.`, name);
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
    : refuse(`Pass ${name} as an object.`, /^`(.*?)`/.exec(name)?.[1]);
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
  return unknown === undefined ? own(value) : refuse(`Leave out \`${unknown}\`: ${name} has no such member.`, unknown);
}

/**
 * @template T, R
 * @param {readonly T[]} value
 * @param {string} name
 * @param {(item: T, name: string) => R} check
 * @returns {R[]}
 */
export function list(value, name, check) {
  if (!Array.isArray(value)) refuse(`Pass \`${name}\` as an array.`, name);
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
  return word ?? refuse(`Pass \`${name}\` as one of ${words.map((candidate) => `"${candidate}"`).join(", ")}.`, name);
}

/**
 * The id of a record.
 *
 * @param {unknown} value
 * @param {string} name
 */
export function uuid(value, name) {
  const id = text(value, name);
  if (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)) return id;
  return refuse("An id is a lower-case UUID such as 01890a5d-ac96-774b-bcce-b302099a8057.", name);
}
