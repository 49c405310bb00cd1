// What a device has seen outlasts its sessions: a Vault that shows an older card later is refused. The tests use the package in a
// page as an app would.

import assert from "node:assert/strict";
import { load, someone, use } from "./app.mjs";
import { test } from "./sample.mjs";
import { useBrowser } from "./support.mjs";

const device = useBrowser();

/** A Vault that remembers the first answer about each card, and gives it again when it lies. */
async function vaultOf(context) {
  const vault = { lies: false };
  const first = new Map();
  await context.route(/\/vault\/v1\/cards\/[^/]+$/, async (route) => {
    const url = route.request().url();
    if (route.request().method() !== "GET") return route.continue();
    if (vault.lies) return route.fulfill({ json: first.get(url) });
    const response = await route.fetch();
    if (!first.has(url)) first.set(url, await response.json());
    return route.fulfill({ response });
  });
  return vault;
}

/** A tab in which somebody signs in, for no longer than the page. */
async function signIn(page, credentials) {
  await page.evaluate(async (credentials) => {
    tools.session = await tools.app.signIn(credentials);
  }, credentials);
  return page;
}

/** Reads the card: its version, or a code. */
const read = (page, id) =>
  page.evaluate((id) => tools.session.card(id).then(({ version }) => version, (error) => error.code ?? String(error.stack)), id);

const update = (page, id, version) => page.evaluate((card) => tools.session.updateCard(card), { id, version, label: "Passport", fields: [] });

/** Somebody with a card, whose first version the Vault has shown. */
async function begin(t) {
  const { context } = await device(t);
  const vault = await vaultOf(context);
  const page = await load(await context.newPage());
  const credentials = someone();
  const id = await page.evaluate(async (credentials) => {
    tools.session = (await tools.app.signUp(credentials)).session;
    return (await tools.session.createCard(tools.content)).id;
  }, credentials);
  assert.equal(await read(page, id), 1);
  return { context, vault, page, credentials, id };
}

/** The stored marks. */
const marks = (page) =>
  page.evaluate(async () => {
    const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
    const found = await done((await done(indexedDB.open("vouchsafe"))).transaction("marks").objectStore("marks").getAll());
    const [counts, whole] = [found.filter(({ sealed }) => !sealed), found.filter(({ sealed }) => sealed)];
    if (whole.some(({ id, count }) => counts.find((one) => one.id === `${id} count`)?.count !== count) || counts.length > whole.length) throw new Error(JSON.stringify(counts));
    return whole.map(({ sealed, ...entry }) => ({ ...entry, sealed: [...sealed] }));
  });

test("a session after signing out and in again knows what the one before has seen", async (t) => {
  const { context, vault, page, credentials, id } = await begin(t);
  await update(page, id, 1);
  await page.evaluate(() => tools.session.signOut());
  await signIn(page, credentials);
  vault.lies = true;
  assert.equal(await read(page, id), "record_rejected");

  // Another tab, and the same after a reload.
  const other = await signIn(await load(await context.newPage()), credentials);
  assert.equal(await read(other, id), "record_rejected");
  await page.reload();
  await use(page);
  await signIn(page, credentials);
  assert.equal(await read(page, id), "record_rejected");

  await page.evaluate((id) => tools.session.acceptOlder(id), id);
  for (const tab of [page, other]) assert.equal(await read(tab, id), 1, "somebody says that the Vault was restored");
  vault.lies = false;
  assert.equal(await read(other, id), 2);
  vault.lies = true;
  assert.equal(await read(page, id), "record_rejected");
});

test("two tabs with sessions of their own know what the other has seen", async (t) => {
  const { context, vault, page, credentials, id } = await begin(t);
  const other = await signIn(await load(await context.newPage()), credentials);
  assert.equal(await read(other, id), 1);
  await update(page, id, 1);
  vault.lies = true;
  assert.equal(await read(other, id), "record_rejected");

  // Both at once: neither forgets what the other notes.
  vault.lies = false;
  const make = (tab) =>
    tab.evaluate(async () => {
      const one = async () => {
        const { id } = await tools.session.createCard(tools.content);
        await tools.session.updateCard(await tools.session.card(id));
        return id;
      };
      return Promise.all(Array.from({ length: 10 }, one));
    });
  const ids = (await Promise.all([make(page), make(other)])).flat();
  const third = await signIn(await load(await context.newPage()), credentials);
  vault.lies = true;
  for (const card of ids) assert.equal(await read(third, card), "record_rejected");
});

test("a kept session whose tab forgot it is no way around", async (t) => {
  const { vault, page, credentials, id } = await begin(t);
  await page.evaluate(() => tools.session.persist({ scope: "tab" }));
  await update(page, id, 1);
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await use(page);
  assert.equal(await page.evaluate(() => tools.app.resume()), null);
  await signIn(page, credentials);
  vault.lies = true;
  assert.equal(await read(page, id), "record_rejected");
});

test("stored marks name nobody, are stored again when they are gone, and go with the account", async (t) => {
  const { context, page, id } = await begin(t);
  const account = await page.evaluate(() => tools.session.account);
  const [{ id: name, count, sealed, ...rest }, ...others] = await marks(page);
  assert.deepEqual([others, rest], [[], {}]);
  assert.match(name, /^[\w-]{43}$/);
  assert.ok(count > 0);
  const bytes = Buffer.from(sealed).toString("latin1");
  for (const secret of [account, id]) {
    const raw = Buffer.from(secret.replaceAll("-", ""), "hex").toString("latin1");
    assert.ok(!bytes.includes(secret) && !bytes.includes(raw));
  }

  // A fresh account's marks are as long.
  const other = await load(await context.newPage());
  const fresh = someone();
  await other.evaluate(async (credentials) => {
    tools.session = (await tools.app.signUp(credentials)).session;
    await tools.session.createCard(tools.content);
  }, fresh);
  const both = await marks(page);
  assert.deepEqual(both.map((entry) => entry.sealed.length), [sealed.length, sealed.length]);
  await other.evaluate(({ passphrase }) => tools.session.deleteAccount({ passphrase }), fresh);
  assert.deepEqual((await marks(page)).map((entry) => entry.id), [name]);

  // Somebody clears what the browser has stored, while the page is open.
  await page.evaluate(async () => {
    const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
    await done((await done(indexedDB.open("vouchsafe"))).transaction("marks", "readwrite").objectStore("marks").clear());
  });
  await update(page, id, 1);
  assert.deepEqual((await marks(page)).map((entry) => entry.id), [name]);
});
