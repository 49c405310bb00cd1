/** A session's calls about files: loaded with the first of them, and made with its tokens and the app's `fetch`. */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { asPage, called, code, folder, raw, services, signIn } from "./common.js";
import { Vault, bytesOf, withStorage } from "./files-common.js";

/** The files that are loaded with this one, whose imports it has at its top. */
async function loadedWith(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const script = await readFile(file, "utf8");
  for (const [, path] of script.matchAll(/^(?:import|export) .*?from "(\.[^"]+)";/gm)) await loadedWith(join(dirname(file), path), found);
  return found;
}

test("who uses no files loads nothing for them", async () => {
  for (const entry of ["index.js", "external.js", "full.js", "testing.js"]) {
    const names = [...(await loadedWith(join(folder, entry)))].map((file) => relative(folder, file));
    assert.ok(names.includes("session.js"));
    assert.deepEqual(names.filter((name) => name.startsWith("files/")), []);
  }
  // Bundlers find the address, and make a file of its own of what it leads to.
  const calls = await readFile(join(folder, "file-calls.js"), "utf8");
  assert.deepEqual(calls.match(/await import\(.*?\)/g), ['await import("./files/index.js")']);
});

test("a session's files go up and come down through the app's fetch", async () => {
  const vault = new Vault();
  const session = await signIn(undefined, { fetch: vault.fetch, timeout: 5000 });
  const bytes = bytesOf(1_300_000);
  const ref = await session.addFile(bytes, { name: "scan.png" });
  assert.deepEqual(called("vaultToken"), [false, "addFile"]);
  assert.deepEqual(called("checkFile"), ["scan.png", "application/octet-stream"]);
  const file = await session.file(ref);
  assert.deepEqual(await file.bytes(), bytes);
  assert.ok(vault.requests.every(({ token }) => token === "Bearer a token"));
  vault.token = "another token";
  await assert.rejects(file.bytes(), code("session_expired"));
  assert.deepEqual(called("vaultToken"), [true, "file"]);
});

test("an upload of the session goes on", async (t) => {
  withStorage(t);
  const vault = new Vault();
  vault.before = ({ path }) => (path.endsWith("/finish") ? new Response("", { status: 500 }) : undefined);
  const session = await signIn(undefined, { fetch: vault.fetch });
  const bytes = bytesOf(1_300_000);
  await assert.rejects(session.addFile(bytes, { name: "scan.png" }), code("server_error"));
  const [{ id, name }] = await session.pendingUploads();
  assert.equal(name, "scan.png");
  vault.before = async () => undefined;
  assert.equal((await session.resumeUpload(id, bytes)).id, id);
  assert.deepEqual(await session.pendingUploads(), []);
  await assert.rejects(session.discardUpload(id), code("not_found"));
});

test("a session that is locked, or over, sends nothing", async (t) => {
  const vault = new Vault();
  const session = await signIn(undefined, { fetch: vault.fetch });
  const ref = await session.addFile(bytesOf(10), { name: "scan.png" });
  const file = await session.file(ref);
  const before = vault.requests.length;
  const { vaultToken } = raw.RawSession.prototype;
  t.after(() => (raw.RawSession.prototype.vaultToken = vaultToken));
  for (const wanted of ["locked", "session_expired"]) {
    raw.RawSession.prototype.vaultToken = () => Promise.reject({ code: wanted, message: "No." });
    for (const call of [() => file.bytes(), () => session.file(ref), () => session.addFile(bytesOf(10), { name: "a" }), () => session.pendingUploads()]) {
      await assert.rejects(call(), code(wanted));
    }
  }
  assert.equal(vault.requests.length, before);
});

test("a part of the package that cannot be loaded is told as offline", async (t) => {
  const copy = await mkdtemp(join(tmpdir(), "vouchsafe-without-"));
  t.after(() => rm(copy, { recursive: true }));
  await cp(folder, copy, { recursive: true, filter: (path) => !path.startsWith(join(folder, "files")) });
  const { Vouchsafe } = await import(pathToFileURL(join(copy, "index.js")));
  const session = await (await Vouchsafe.open(services)).signIn({ email: "a@example.com", passphrase: "a passphrase" });
  await assert.rejects(session.addFile(bytesOf(10), { name: "a" }), (error) => code("offline")(error) && error.cause.code === "ERR_MODULE_NOT_FOUND");
});

test("a service worker, which loads no scripts later, is told what to import", async (t) => {
  const copy = await mkdtemp(join(tmpdir(), "vouchsafe-worker-"));
  t.after(() => rm(copy, { recursive: true }));
  await cp(folder, copy, { recursive: true });
  const from = (file) => import(pathToFileURL(join(copy, file)));
  const { Vouchsafe } = await from("index.js");
  const vault = new Vault();
  const app = await Vouchsafe.open({ ...services, fetch: vault.fetch });
  const session = await app.signIn({ email: "a@example.com", passphrase: "a passphrase" });
  const upload = () => session.addFile(bytesOf(10), { name: "a" });
  await rename(join(copy, "files"), join(copy, "elsewhere"));
  asPage(t, { ServiceWorkerGlobalScope: class {} });
  await assert.rejects(upload(), (error) => code("bad_input")(error) && /import `vouchsafe\/files`/.test(error.message));
  // Node.js does not try again what it did not find.
  await cp(join(copy, "elsewhere"), join(copy, "files"), { recursive: true });
  await writeFile(join(copy, "files.js"), (await readFile(join(copy, "files.js"), "utf8")).replace("./files/", "./elsewhere/"));
  await from("files.js");
  assert.equal((await upload()).name, "a");
});

test("who signs out, or deletes the account, leaves no upload behind", async (t) => {
  const storage = withStorage(t);
  const vault = new Vault();
  vault.before = ({ path }) => (path.endsWith("/finish") ? new Response("", { status: 500 }) : undefined);
  for (const end of [(session) => session.signOut(), (session) => session.deleteAccount({ passphrase: "a passphrase" })]) {
    const session = await signIn(undefined, { fetch: vault.fetch });
    await assert.rejects(session.addFile(bytesOf(10), { name: "scan.png" }), code("server_error"));
    const others = [...storage.entries.keys()].filter((id) => !/^[\da-f]{8}-/.test(id));
    assert.ok(storage.entries.size > others.length);
    await end(session);
    assert.deepEqual([...storage.entries.keys()], others);
  }
});
