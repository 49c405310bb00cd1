// What every part of the page uses.

/** What `begin` prepared. */
export const state = {};

export const MIB = 2 ** 20;

/** The milliseconds for which something small is repeated: clocks of pages are coarse. */
const WHILE = 20;

export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** As many random bytes as one likes: a single call gives 64 KiB. */
export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** Somebody new. */
export const somebody = (name) => ({ email: `${name}.${crypto.randomUUID()}@example.test`, passphrase: "a passphrase for measuring" });

/** Throws where what was opened is not as long as what was sealed. */
export function expectLength({ length }, expected) {
  if (length !== expected) throw new Error(`${length}, not ${expected}`);
}

/** The milliseconds of some work. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The milliseconds of some work that is done again and again, one after another; of one time. */
export async function timedOne(work) {
  const start = performance.now();
  let times = 0;
  let took;
  do {
    await work();
    times += 1;
    took = performance.now() - start;
  } while (took < WHILE);
  return took / times;
}

/** Does things one after the other, so many at a time. */
export async function inGroups(count, size, one) {
  const done = [];
  for (let at = 0; at < count; at += size) done.push(...(await Promise.all(Array.from({ length: Math.min(size, count - at) }, (_, number) => one(at + number)))));
  return done;
}
