/** The run of an upload: what a source gives is encrypted, noted, sent and told of, segment by segment. */

import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { joined, release, toText } from "./bytes.js";
import { Cipher, sealedRange, sha256 } from "./format.js";
import { aborted } from "./requests.js";
import { segmentsOf } from "./source.js";
import { create, finish, put, remove, stored } from "./vault.js";
import { Window } from "./window.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("../index.d.ts").FileProgress} FileProgress */
/** @typedef {import("../index.d.ts").FileRef} FileRef */
/**
 * The way to the files of an account, which `owner` names on this device; `check` refuses names and types that no card takes, and
 * without keys it `isLocked`.
 *
 * @typedef {import("./requests.js").Access & { owner: string, check: (name: string, type: string) => Promise<void>, isLocked: () => boolean }} OwnAccess
 */
/**
 * What an upload runs with.
 *
 * @typedef {object} Run
 * @property {OwnAccess} access
 * @property {import("./pending.js").Upload} upload
 * @property {import("./source.js").Source} source
 * @property {import("./pending.js").Pending | undefined} pending Without it the upload cannot go on later.
 * @property {AbortSignal | undefined} signal
 * @property {((progress: FileProgress) => void) | undefined} onProgress
 */

/**
 * Runs an upload. One that cannot go on later is erased if it fails; not while the session is locked, when nothing can be: it goes on
 * after that.
 *
 * @param {Run} given
 * @param {boolean} isNew
 * @returns {Promise<FileRef>}
 */
export async function run(given, isNew) {
  const { access, upload, source, pending, signal } = given;
  const controller = new AbortController();
  const stop = () => {
    controller.abort();
    source.close();
  };
  signal?.addEventListener("abort", stop);
  try {
    if (signal?.aborted) throw aborted(signal);
    const made = await send(given, isNew, controller);
    await pending?.remove().catch(() => {});
    return made;
  } catch (error) {
    const failure = signal?.aborted ? aborted(signal) : error;
    if (!pending || (isOver(failure, isNew) && !access.isLocked())) {
      // Nobody waits for it: what stays at the Vault is erased in a day.
      remove(access, upload.id).catch(() => {});
      await pending?.remove().catch(() => {});
    }
    throw failure;
  } finally {
    signal?.removeEventListener("abort", stop);
    source.close();
  }
}

/**
 * Whether an upload cannot go on after an error. Of a new one the source may be at fault; later it may be another source.
 *
 * @param {unknown} error
 * @param {boolean} isNew
 */
function isOver(error, isNew) {
  return isVouchsafeError(error, "aborted") || isVouchsafeError(error, "not_found") || (isNew && isVouchsafeError(error, "bad_input"));
}

/**
 * @param {Run} given
 * @param {boolean} isNew
 * @param {AbortController} controller
 * @returns {Promise<FileRef>}
 */
async function send({ access, upload, source, pending, onProgress }, isNew, controller) {
  const { id, name, type, key, header } = upload;
  const { signal } = controller;
  await begin(access, id, isNew, signal);
  const isThere = isNew ? () => false : await stored(access, id, signal);
  const cipher = await Cipher.of(key, header, id, "encrypt");
  const digests = /** @type {Bytes[]} */ ([]);
  const parts = new Window();
  let [size, end, bytes] = [0, 0, 0];
  try {
    for await (const { segment, plaintext, size: total } of segmentsOf(source)) {
      if (signal.aborted) break;
      const range = sealedRange(segment);
      const noted = await note(pending, segment.index, plaintext);
      await parts.add(async () => {
        await noted();
        const sealed = await cipher.seal(segment, plaintext);
        release(plaintext);
        digests[segment.index] = await sha256(sealed);
        if (!isThere(range)) await put(access, id, range, partOf(sealed), signal);
        bytes += Math.min(segment.end, total ?? Infinity) - Math.min(segment.start, total ?? Infinity);
        onProgress?.({ bytes, total: total ?? null });
      });
      [size, end] = [total ?? 0, range.end];
    }
    await parts.over();
  } catch (error) {
    controller.abort();
    await parts.over().catch(() => {});
    throw error;
  }
  const list = joined(digests);
  await finish(access, id, end, list, signal);
  return { id, name, type, size, key: toText(key), digest: toText(await sha256(list)) };
}

/**
 * A segment as it is sent. Browsers copy bytes while the page waits, and a Blob beside it. One that stands in for theirs where pages are
 * tested may not be what `fetch` takes.
 *
 * @param {Bytes} sealed Bytes that nobody uses any more.
 */
function partOf(sealed) {
  if (typeof Blob.prototype.stream !== "function") return sealed;
  const part = new Blob([sealed]);
  release(sealed);
  return part;
}

/**
 * @param {OwnAccess} access
 * @param {string} id
 * @param {boolean} isNew
 * @param {AbortSignal} signal
 */
async function begin(access, id, isNew, signal) {
  try {
    await create(access, id, signal);
  } catch (error) {
    if (isNew || !isVouchsafeError(error, "conflict")) throw error;
    throw new VouchsafeError("not_found", "The Vault has erased this upload, as it got no part for a day: upload the file anew.");
  }
}

/**
 * Notes a segment of an upload that may go on later, in its turn. Gives the function that waits until this is done.
 *
 * @param {import("./pending.js").Pending | undefined} pending
 * @param {number} index
 * @param {Bytes} plaintext
 * @returns {Promise<() => Promise<void> | undefined>}
 */
async function note(pending, index, plaintext) {
  const digest = pending && (await sha256(plaintext));
  if (!digest || (await pending.knows(index, digest))) return () => undefined;
  const noted = pending.note(index, digest);
  // The segment that waits for it may never begin.
  noted.catch(() => {});
  return () => noted;
}
