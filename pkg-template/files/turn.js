/** One upload at a time: of all tabs one goes on with it, and knows which bytes it sent. */

import { VouchsafeError } from "../errors.js";
import { clearTimeout, setTimeout } from "../timers.js";

const PREFIX = "vouchsafe upload ";
/** Milliseconds: browsers hand a lock on with a delay, when a call ends or a tab is closed. */
const PATIENCE = 1000;

/** Those of this tab. */
const own = /** @type {Set<string>} */ (new Set());

/** Locks that all tabs share. Browsers have them on secure pages only. */
const locks = () => globalThis.navigator?.locks;

/** @returns {never} */
function busy() {
  throw new VouchsafeError("conflict", "This upload goes on already, here or in another tab: wait for it, or abort it there.");
}

/**
 * Does the work of an upload, unless somebody else does.
 *
 * @template T
 * @param {string} id
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(id, work) {
  if (own.has(id)) busy();
  own.add(id);
  const wait = new AbortController();
  const timer = setTimeout(() => wait.abort(), PATIENCE);
  let began = false;
  const begin = () => {
    began = true;
    clearTimeout(timer);
    return work();
  };
  try {
    return await (locks()?.request(PREFIX + id, { signal: wait.signal }, begin) ?? begin());
  } catch (error) {
    if (began) throw error;
    if (wait.signal.aborted) busy();
    // There are no locks for this page, as in a sandbox.
    return await begin();
  } finally {
    own.delete(id);
  }
}

/** Gives the function that tells of an upload whether somebody goes on with it. */
export async function running() {
  const found = await locks()
    ?.query()
    .catch(() => undefined);
  const held = new Set(found?.held?.map(({ name }) => name));
  return (/** @type {string} */ id) => own.has(id) || held.has(PREFIX + id);
}
