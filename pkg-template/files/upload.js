/**
 * Encrypts files and uploads them, a few segments at a time. An upload of known size that was cut goes on from any page of this
 * browser, and sends no part again.
 */

import { abortSignal, guarded, settings } from "../calls.js";
import { callable, optional, refuse, text } from "../checks.js";
import { VouchsafeError, isVouchsafeError } from "../errors.js";
import { kindOf } from "../own.js";
import { newId } from "./bytes.js";
import { filled, newHeader, segmentAt } from "./format.js";
import { Pending } from "./pending.js";
import { aborted } from "./requests.js";
import { run } from "./run.js";
import { saidOf, sourceOf } from "./source.js";
import { alone, running } from "./turn.js";
import { remove } from "./vault.js";

/** @typedef {import("./run.js").OwnAccess} OwnAccess */
/** @typedef {import("../index.d.ts").FileRef} FileRef */

const TYPE = "application/octet-stream";

/**
 * Encrypts and uploads a new file.
 *
 * @param {OwnAccess} access
 * @param {unknown} given
 * @param {import("../index.d.ts").AddFileOptions} [options]
 * @returns {Promise<FileRef>}
 */
export async function addFile(access, given, options) {
  const all = settings(options ?? {}, "`options` of addFile()", ["name", "type", "size"]);
  const { name, type, size } = all;
  const own = saidOf(given);
  const call = checked(all);
  const said = { name: text(name ?? own.name, "name"), type: text(type ?? "", "type") || own.type || TYPE };
  await access.check(said.name, said.type);
  // Whoever corrects what was refused can pass the same stream again.
  const source = sourceOf(given, size);
  const upload = {
    id: newId(),
    ...said,
    size: source.size,
    key: crypto.getRandomValues(new Uint8Array(32)),
    header: newHeader(),
  };
  return alone(upload.id, async () => {
    const pending = await Pending.begin(access.owner, upload);
    return run({ access, upload, source, pending, ...call }, true);
  });
}

/**
 * Lists the uploads of the account that were cut on this device.
 *
 * @param {OwnAccess} access
 * @returns {Promise<import("../index.d.ts").PendingUpload[]>}
 */
export async function pendingUploads({ owner }) {
  const isRunning = await running();
  const found = (await Pending.find(owner)).filter(({ upload }) => !isRunning(upload.id));
  return found.map(({ upload: { id, name, type, size }, begun, sent }) => {
    const { start } = segmentAt(sent, filled(size));
    return { id, name, type, size, bytes: Math.min(start, size), startedAt: begun };
  });
}

/**
 * Goes on with an upload that was cut, from the same source.
 *
 * @param {OwnAccess} access
 * @param {string} id
 * @param {unknown} given
 * @param {import("../index.d.ts").FileCallOptions} [options]
 * @returns {Promise<FileRef>}
 */
export async function resumeUpload(access, id, given, options) {
  const call = checked(settings(options ?? {}, "`options` of resumeUpload()", []));
  return alone(text(id, "id"), async () => {
    const { upload, pending } = await kept(access, id);
    const source = sourceOf(given, kindOf(given) === "ReadableStream" ? upload.size : undefined);
    if (source.size !== upload.size) refuse("This source has another size than that with which the upload began.", "source");
    return run({ access, upload, source, pending, ...call }, false);
  });
}

/**
 * Gives up an upload that was cut.
 *
 * @param {OwnAccess} access
 * @param {string} id
 */
export async function discardUpload(access, id) {
  await alone(text(id, "id"), async () => {
    const { pending } = await kept(access, id);
    await remove(access, id).catch((error) => {
      if (!isVouchsafeError(error, "not_found")) throw error;
    });
    await pending.remove();
  });
}

/**
 * Forgets the uploads of an account on this device. The Vault erases what it has of them in a day.
 *
 * @param {string} owner
 */
export async function forgetUploads(owner) {
  for (const { pending } of await Pending.find(owner)) await pending.remove();
}

/**
 * The upload of this id that was cut.
 *
 * @param {OwnAccess} access
 * @param {string} id
 */
async function kept({ owner }, id) {
  const found = (await Pending.find(owner)).find(({ upload }) => upload.id === id);
  if (found) return found;
  throw new VouchsafeError("not_found", "There is no such upload on this device: upload the file anew.");
}

/** @param {import("../index.d.ts").FileCallOptions} options */
function checked({ signal, onProgress }) {
  const given = optional(signal, "signal", abortSignal);
  if (given?.aborted) throw aborted(given);
  return {
    signal: given,
    onProgress: guarded(optional(onProgress, "onProgress", callable)),
  };
}
