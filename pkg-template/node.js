/** Access to modules of Node.js. */

/**
 * A module of Node.js, without an import that a bundler would follow; `undefined` in a browser.
 *
 * @template T
 * @param {string} name
 * @returns {T | undefined}
 */
export function builtin(name) {
  const { process } = /** @type {{ process?: { getBuiltinModule?(name: string): T } }} */ (globalThis);
  return process?.getBuiltinModule?.(name);
}
