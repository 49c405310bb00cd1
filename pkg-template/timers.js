/**
 * The platform's timers. The module waits with those that were there when the package was loaded, so that a test's fake ones hold
 * no call. Those of zone.js would count every wait as work of the page.
 */

/**
 * @template {"setTimeout" | "clearTimeout"} N
 * @param {N} name
 * @returns {typeof globalThis[N]}
 */
export function native(name) {
  const scope = /** @type {any} */ (globalThis);
  return scope[scope.Zone?.__symbol__?.(name)] ?? scope[name];
}

export const setTimeout = /* @__PURE__ */ native("setTimeout");
export const clearTimeout = /* @__PURE__ */ native("clearTimeout");
export const { queueMicrotask } = globalThis;
