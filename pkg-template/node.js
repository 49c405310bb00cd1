/** What Node.js has of its own. */

/**
 * One of its modules, without an import that a bundler would follow; `undefined` in a browser.
 *
 * @template T
 * @param {string} name
 * @returns {T | undefined}
 */
export function builtin(name) {
  const { process } = /** @type {{ process?: { getBuiltinModule?(name: string): T } }} */ (globalThis);
  return process?.getBuiltinModule?.(name);
}
