/** Reading of objects that come from elsewhere. */

/**
 * Copies an object's own members. What a script has put into `Object.prototype` is nobody's wish, so a member that may be left
 * out is read from such a copy alone.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function own(value) {
  return /** @type {T} */ ({ __proto__: null, ...value });
}

/**
 * The class of a value by its name: a page, its frames and a test runner have classes of their own.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function kindOf(value) {
  return Object.prototype.toString.call(value).slice(8, -1);
}
