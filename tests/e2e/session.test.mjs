// Sessions that outlast their page: what is kept, who finds it, and when it goes. The tests use the package in a page as an
// app would.

import assert from "node:assert/strict";
import { load, someone, use } from "./app.mjs";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();

/** A call that shows the session of the Keystore. */
const TO_THE_KEYSTORE = "invite";

/** A tab with a new account and a card, kept as `scope` says. */
async function kept(context, scope, options = {}, locked = undefined) {
  const page = await load(await context.newPage(), options);
  const credentials = someone();
  const recoveryKey = await page.evaluate(async ({ credentials, scope, locked }) => {
    const { app, hear, content } = tools;
    const { session, recoveryKey } = await app.signUp(credentials);
    await session.createCard(content);
    await session.persist({ scope, locked });
    Object.assign(tools, { session, events: hear(session) });
    return recoveryKey;
  }, { credentials, scope, locked });
  return { page, credentials, recoveryKey };
}

/** Resumes in a page, and says what it found. */
async function resume(page, options) {
  await use(page, options);
  return page.evaluate(async () => {
    const session = await tools.app.resume();
    Object.assign(tools, { session, events: session && tools.hear(session) });
    return session && (session.locked ? "locked" : "unlocked");
  });
}

async function reload(page, options) {
  await page.reload();
  return resume(page, options);
}

/** Arguments of the calls. */
const ARGUMENTS = { invite: { delivery: "link", name: "Bob" }, persist: { scope: "tab" }, createCard: { label: "Still here", fields: [] } };

const labels = (page) => page.evaluate(async () => (await tools.session.cards()).items.map(({ label }) => label));
const ending = (page, call, argument) => page.evaluate(({ call, argument }) => tools.ending(tools.session[call](argument)), { call, argument: argument ?? ARGUMENTS[call] });
const hears = (page, kind) => page.evaluate((kind) => tools.events.until(kind), kind);

test("a session kept for its tab is there after a reload, in that tab alone", async (t) => {
  const { context } = await device(t);
  const { page } = await kept(context, "tab");
  assert.equal(await reload(page), "unlocked");
  assert.deepEqual(await labels(page), ["Passport"]);
  const other = await load(await context.newPage());
  assert.equal(await resume(other), null);

  await page.evaluate(() => tools.session.signOut());
  assert.equal(await reload(page), null);
});

test("a session that is not kept ends with its page", async (t) => {
  const { context } = await device(t);
  const page = await load(await context.newPage());
  await page.evaluate((credentials) => tools.app.signUp(credentials), someone());
  assert.equal(await reload(page), null);
});

test("tabs that share a session lock, unlock and end together", async (t) => {
  const { context } = await device(t);
  const { page: first, credentials } = await kept(context, "browser");
  const second = await load(await context.newPage());
  assert.equal(await resume(second), "unlocked");
  assert.deepEqual(await labels(second), ["Passport"]);

  await first.evaluate(() => tools.session.lock());
  await hears(second, "locked");
  assert.equal(await ending(second, "cards"), "locked");
  const third = await load(await context.newPage());
  assert.equal(await resume(third), "locked");

  await second.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  await hears(first, "unlocked");
  await hears(third, "unlocked");
  for (const page of [first, second, third]) assert.deepEqual(await labels(page), ["Passport"]);

  // The Keystore ends all sessions but the one that this makes, which all tabs go on with.
  await third.evaluate(({ passphrase }) => tools.session.changePassphrase({ passphrase, newPassphrase: "another passphrase" }), credentials);
  for (const page of [first, second, third]) assert.equal(await ending(page, TO_THE_KEYSTORE), "result");

  await first.evaluate(() => tools.session.signOut());
  for (const page of [second, third]) {
    await hears(page, "ended");
    assert.equal(await ending(page, "cards"), "session_expired");
    assert.equal(await reload(page), null);
  }
});

test("a duplicated tab has the same session", async (t) => {
  const { context } = await device(t);
  const { page } = await kept(context, "tab");
  const opened = context.waitForEvent("page");
  await page.evaluate(() => void open(location.href));
  const duplicate = await opened;
  assert.equal(await resume(duplicate), "unlocked");
  assert.deepEqual(await labels(duplicate), ["Passport"]);
  assert.deepEqual(await labels(page), ["Passport"]);
  assert.equal(await reload(page), "unlocked");
  await duplicate.evaluate(() => tools.session.signOut());
  await hears(page, "ended");
  assert.equal(await ending(page, "cards"), "session_expired");
});

test("a locked session comes back locked, and its passphrase opens it", async (t) => {
  const { context } = await device(t);
  const { page, credentials } = await kept(context, "tab");
  await page.evaluate(() => tools.session.lock());
  assert.equal(await reload(page), "locked");
  assert.equal(await ending(page, "cards"), "locked");
  assert.equal(await ending(page, "unlock", { passphrase: "not the passphrase" }), "wrong_credentials");
  await page.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  assert.deepEqual(await labels(page), ["Passport"]);
  assert.equal(await reload(page), "unlocked");
});

test("a session that is kept locked holds no key, and each tab is unlocked by itself", async (t) => {
  const { context } = await device(t);
  const { page, credentials } = await kept(context, "browser", {}, true);
  assert.equal((await dump(page)).entries[0].keys, null);
  assert.deepEqual(await labels(page), ["Passport"], "it stays unlocked here");
  assert.equal(await reload(page), "locked");
  await page.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  assert.equal((await dump(page)).entries[0].keys, null);

  const other = await load(await context.newPage());
  assert.equal(await resume(other), "locked");
  await other.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  // The other tab's session of the Keystore is this one's, too.
  for (const tab of [page, other]) {
    assert.equal(await ending(tab, TO_THE_KEYSTORE), "result");
    assert.deepEqual(await labels(tab), ["Passport"]);
  }
  await other.evaluate(() => tools.session.lock());
  await hears(page, "locked");
  await page.evaluate(() => tools.session.signOut());
  await hears(other, "ended");
  await holdsNothing(page);
});

test("a session that was ended from elsewhere is locked, and can be unlocked", async (t) => {
  const { context } = await device(t);
  const { page, credentials } = await kept(context, "tab");
  const other = await load(await (await device(t)).context.newPage());
  await other.evaluate(async (credentials) => {
    const session = await tools.app.signIn(credentials);
    await session.makeRecoveryKey({ passphrase: credentials.passphrase });
  }, credentials);
  assert.equal(await ending(page, TO_THE_KEYSTORE), "session_expired");
  await hears(page, "locked");
  assert.equal(await reload(page), "locked");
  await page.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  assert.deepEqual(await labels(page), ["Passport"]);
});

test("deleting the account deletes what is kept", async (t) => {
  const { context } = await device(t);
  const { page, credentials } = await kept(context, "browser");
  const other = await load(await context.newPage());
  assert.equal(await resume(other), "unlocked");
  await page.evaluate(({ passphrase }) => tools.session.deleteAccount({ passphrase }), credentials);
  await hears(other, "ended");
  assert.equal(await reload(page), null);
  await holdsNothing(page);
});

/** Nothing is left of a session. What stays is no account's: the Keystore knows the browser again by it. */
async function holdsNothing(page) {
  const { local, ...rest } = await dump(page);
  assert.deepEqual({ ...rest, local: Object.keys(local) }, { entries: [], tab: {}, local: ["vouchsafe device"] });
}

/** Everything that the page's origin has stored for sessions. Bytes are lists of numbers; keys tell what they are. */
async function dump(page) {
  return page.evaluate(async () => {
    const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
    const plain = (value) => {
      if (value instanceof CryptoKey) return { type: value.type, extractable: value.extractable, algorithm: value.algorithm.name, usages: value.usages };
      if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer)];
      if (Array.isArray(value)) return value.map(plain);
      if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
      return value;
    };
    const entries = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        // Marks outlive their session: marks.test.mjs.
        if (store === "marks") continue;
        entries.push(...(await done(database.transaction(store).objectStore(store).getAll())).map(plain));
      }
      database.close();
    }
    const own = ([name]) => name.startsWith("vouchsafe ");
    const items = (storage) => Object.fromEntries(Object.entries(storage).filter(own));
    return { entries, tab: items(sessionStorage), local: items(localStorage) };
  });
}

test("what is stored holds no key that can be read, and no secret", async (t) => {
  const { context } = await device(t);
  // The plaintexts are seen where WebCrypto gets them.
  await context.addInitScript(() => {
    // A page that is not secure, such as an empty one, has none.
    if (!globalThis.SubtleCrypto) return;
    globalThis.sealed = [];
    const { encrypt } = SubtleCrypto.prototype;
    SubtleCrypto.prototype.encrypt = function (algorithm, key, data) {
      if (algorithm.name === "AES-GCM") sealed.push(new TextDecoder().decode(data));
      return encrypt.call(this, algorithm, key, data);
    };
  });
  for (const scope of ["tab", "browser"]) {
    const { page, credentials, recoveryKey } = await kept(context, scope);
    const plain = (await page.evaluate(() => sealed)).map((text) => JSON.parse(text));
    const kek = plain.find((part) => "kek" in part).kek;
    const token = plain.find((part) => "session" in part).session;
    assert.equal(Buffer.from(kek, "base64url").length, 32);
    assert.match(token, /^[\w-]{43}$/);

    const stored = await dump(page);
    assert.equal(stored.entries.length, 1);
    const [{ key, state, keys }] = stored.entries;
    assert.deepEqual(key, { type: "secret", extractable: false, algorithm: "AES-GCM", usages: ["encrypt", "decrypt"] });
    assert.ok(state.length > 100 && keys.length > 100);

    const text = JSON.stringify(stored);
    const bytes = [state, keys].map((part) => Buffer.from(part).toString("latin1")).join(" ");
    const secrets = { kek, token, passphrase: credentials.passphrase, recoveryKey, bare: recoveryKey.replaceAll("-", "") };
    for (const [name, secret] of Object.entries(secrets)) {
      const raw = Buffer.from(secret, "base64url");
      for (const spelling of [secret, raw.toString("hex"), raw.toString("base64"), JSON.stringify([...raw]).slice(1, -1)]) {
        assert.ok(!text.includes(spelling), `${name} lies in storage (${scope})`);
      }
      for (const spelling of [secret, raw.toString("latin1")]) assert.ok(!bytes.includes(spelling), `${name} lies in the ciphertext (${scope})`);
    }

    await page.evaluate(() => tools.session.lock());
    const [locked] = (await dump(page)).entries;
    assert.equal(locked.keys, null);
    assert.ok(!(await page.evaluate(() => sealed)).at(-1).includes("kek"));
    await page.evaluate(() => tools.session.signOut());
    await holdsNothing(page);
  }
});

test("what cannot be read is deleted, and is no session", async (t) => {
  const { context } = await device(t);
  for (const wrong of ["a later format", "a changed ciphertext", "one part in the other's place", "another's key", "nonsense"]) {
    const { page } = await kept(context, "tab");
    await page.evaluate(async (wrong) => {
      const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
      const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
      const change = {
        "a later format": (entry) => ({ ...entry, format: 2 }),
        "a changed ciphertext": (entry) => ({ ...entry, state: entry.state.map((byte, index) => (index === 20 ? byte ^ 1 : byte)) }),
        "one part in the other's place": (entry) => ({ ...entry, keys: entry.state }),
        "another's key": (entry) => ({ ...entry, key }),
        nonsense: ({ id }) => ({ id, key: 7 }),
      };
      const store = (await done(indexedDB.open("vouchsafe"))).transaction("sessions", "readwrite").objectStore("sessions");
      for (const entry of await done(store.getAll())) await done(store.put(change[wrong](entry)));
    }, wrong);
    assert.equal(await reload(page), null, wrong);
    assert.deepEqual((await dump(page)).entries, [], wrong);
    await page.close();
  }
});

test("entries of tabs that were closed are swept", async (t) => {
  const { context } = await device(t);
  const { page } = await kept(context, "tab");
  await page.close();
  const other = await load(await context.newPage());
  assert.equal(await resume(other), null);
  assert.equal((await dump(other)).entries.length, 1, "a closed tab may be opened again");
  await other.clock.install();
  await other.clock.fastForward(25 * 60 * 60 * 1000);
  assert.equal(await resume(other), null);
  assert.deepEqual((await dump(other)).entries, []);
});

test("a session locks by itself when nobody uses it", async (t) => {
  const { context } = await device(t);
  await context.clock.install();
  const lockAfter = 10 * 60 * 1000;
  const { page } = await kept(context, "tab", { lockAfter });
  await page.clock.runFor(lockAfter - 5000);
  assert.deepEqual(await labels(page), ["Passport"]);
  await page.clock.runFor(lockAfter - 5000);
  assert.equal(await page.evaluate(() => tools.session.locked), false, "a call counts as use");
  await page.clock.runFor(6000);
  await hears(page, "locked");
  assert.equal((await dump(page)).entries[0].keys, null);
  assert.equal(await reload(page, { lockAfter }), "locked");
});

test("the time goes on while the machine sleeps, and while no page is open", async (t) => {
  const { context } = await device(t);
  await context.clock.install();
  const lockAfter = 10 * 60 * 1000;
  const { page, credentials } = await kept(context, "tab", { lockAfter });
  // The clock jumps, and no timer has run yet when the next call is made.
  const later = await page.evaluate((slept) => Date.now() + slept, lockAfter);
  await page.clock.setSystemTime(later);
  assert.equal(await ending(page, "cards"), "locked");
  await page.evaluate(({ passphrase }) => tools.session.unlock({ passphrase }), credentials);
  assert.deepEqual(await labels(page), ["Passport"]);

  await page.goto("about:blank");
  await page.clock.setSystemTime(later + 2 * lockAfter);
  await page.goto(DEMO_URL);
  assert.equal(await resume(page), "locked");
  assert.equal((await dump(page)).entries[0].keys, null);
});

test("a browser that stores nothing says so, and the session goes on", async (t) => {
  const { context } = await device(t);
  const page = await load(await context.newPage());
  await page.evaluate(async (credentials) => {
    Object.assign(tools, await tools.app.signUp(credentials));
    IDBFactory.prototype.open = () => {
      throw new DOMException("no", "SecurityError");
    };
  }, someone());
  assert.equal(await ending(page, "persist"), "storage_unavailable");
  assert.equal(await ending(page, "createCard"), "result");
  assert.equal(await page.evaluate(() => tools.ending(tools.app.resume())), "storage_unavailable");
});

test("without sessionStorage a session is kept for the browser, and not for a tab", async (t) => {
  const { context } = await device(t);
  const page = await load(await context.newPage());
  await page.evaluate(async (credentials) => {
    Object.assign(tools, await tools.app.signUp(credentials));
    const get = () => {
      throw new DOMException("no", "SecurityError");
    };
    Object.defineProperty(globalThis, "sessionStorage", { get });
  }, someone());
  const other = await load(await context.newPage());
  assert.equal(await ending(page, "persist", { scope: "tab" }), "storage_unavailable");
  assert.deepEqual((await dump(other)).entries, []);
  assert.equal(await ending(page, "persist", { scope: "browser" }), "result");
  assert.equal(await resume(other), "unlocked");
  assert.equal(await ending(page, "signOut"), "result");
  await holdsNothing(other);
});

test("what could not be kept to the end is not kept", async (t) => {
  const { context } = await device(t);
  for (const before of [undefined, "tab"]) {
    const page = before ? (await kept(context, before)).page : await load(await context.newPage());
    if (!before) await page.evaluate(async (credentials) => Object.assign(tools, await tools.app.signUp(credentials)), someone());
    // After the entry was stored, the next work fails, and what takes the entry away does not.
    await page.evaluate(() => {
      const { transaction } = IDBDatabase.prototype;
      const { put } = IDBObjectStore.prototype;
      let failing = 0;
      IDBObjectStore.prototype.put = function (entry) {
        if (entry.scope === "browser") failing = 2;
        return put.call(this, entry);
      };
      IDBDatabase.prototype.transaction = function (name, mode) {
        if (name === "sessions" && failing > 0) {
          failing -= 1;
          throw new DOMException("lost", "UnknownError");
        }
        return transaction.call(this, name, mode);
      };
    });
    assert.equal(await ending(page, "persist", { scope: "browser" }), "storage_unavailable");
    const other = await load(await context.newPage());
    assert.equal(await resume(other), null);
    assert.equal(await ending(page, "createCard"), "result", "the session goes on");
    assert.equal(await ending(page, "signOut"), "result");
    await holdsNothing(page);
  }
});

test("a database that fails once is asked once more", async (t) => {
  for (const wrong of ["transaction", "open"]) {
    const { context } = await device(t);
    await context.addInitScript((wrong) => {
      const error = new DOMException("Connection to Indexed Database server lost.", "UnknownError");
      const { transaction } = IDBDatabase.prototype;
      const { open } = IDBFactory.prototype;
      let count = 0;
      const fails = (what) => what === wrong && (count += 1) % 2 === 1;
      IDBDatabase.prototype.transaction = function (...given) {
        if (fails("transaction")) throw error;
        return transaction.apply(this, given);
      };
      IDBFactory.prototype.open = function (...given) {
        if (!fails("open")) return open.apply(this, given);
        const request = { error };
        queueMicrotask(() => request.onerror());
        return request;
      };
    }, wrong);
    const { page } = await kept(context, "browser");
    assert.equal(await reload(page), "unlocked", wrong);
    assert.deepEqual(await labels(page), ["Passport"]);
    assert.equal(await ending(page, "signOut"), "result");
    assert.equal(await reload(page), null);
  }
});

test("a database that never answers is none, and one that answers late is one", async (t) => {
  const { context } = await device(t);
  await context.clock.install();
  await context.addInitScript(() => {
    const { open } = IDBFactory.prototype;
    globalThis.opened = 0;
    IDBFactory.prototype.open = function (...given) {
      opened += 1;
      const held = {};
      globalThis.answer = () =>
        new Promise((resolve) => {
          const request = open.apply(this, given);
          const pass = (name) => Object.assign(held, { result: request.result })[name]();
          request.onupgradeneeded = () => pass("onupgradeneeded");
          request.onsuccess = () => resolve(pass("onsuccess"));
        });
      return held;
    };
  });
  const page = await load(await context.newPage());
  await page.evaluate(() => void (tools.resumed = tools.ending(tools.app.resume())));
  await page.clock.runFor(5_000);
  assert.equal(await page.evaluate(() => tools.resumed), "storage_unavailable");
  // Nobody waits for it a second time.
  await page.evaluate(async (credentials) => Object.assign(tools, await tools.app.signUp(credentials)), someone());
  assert.equal(await ending(page, "createCard"), "result");
  assert.equal(await ending(page, "persist"), "storage_unavailable");
  assert.equal(await page.evaluate(() => opened), 1);
  await page.evaluate(() => answer());
  assert.equal(await ending(page, "persist"), "result");
});

test("a session that is disposed of is over, without a trap", async (t) => {
  const { context } = await device(t);
  const { page } = await kept(context, "tab");
  const { endings, email } = await page.evaluate(async () => {
    const { session, ending, content } = tools;
    const running = ending(session.cards());
    await session[Symbol.asyncDispose]();
    session[Symbol.dispose]();
    const endings = [await running, await ending(session.cards()), await ending(session.createCard(content)), await ending(session.lock())];
    return { endings: [...endings, await ending(session.signOut()), session.locked], email: session.email };
  });
  assert.ok(["result", "session_expired"].includes(endings[0]), endings[0]);
  assert.deepEqual(endings.slice(1), ["session_expired", "session_expired", "session_expired", "session_expired", true]);
  assert.match(email, /^kept\./);
  assert.equal(await reload(page), "unlocked", "what was kept stays");

  // As text: not every Node.js can read it.
  const after = await page.evaluate(`(async () => {
    let held;
    {
      await using session = tools.session;
      using stop = session.on("share", () => {});
      await session.cards();
      held = session;
    }
    return [held.locked, await tools.ending(held.cards())];
  })()`);
  assert.deepEqual(after, [true, "session_expired"]);
  assert.equal(await reload(page), "unlocked");
});

test("what a script has put into Object.prototype reaches neither a call nor WebCrypto", async (t) => {
  const { context } = await device(t);
  const { page } = await kept(context, "tab");
  const endings = await page.evaluate(async () => {
    const { session, ending } = tools;
    const large = { label: "Large", fields: [{ name: "text", label: "Text", value: "x".repeat(200_000) }] };
    // The module reads more members than a call has; and WebCrypto would make a tag of four bytes.
    Object.assign(Object.prototype, { connections: ["nonsense"], tagLength: 32 });
    try {
      const { id } = await session.createCard(large);
      delete Object.prototype.tagLength;
      return [await ending(session.card(id)), await ending(session.share({ card: id, connection: id }))];
    } finally {
      for (const name of ["connections", "tagLength"]) delete Object.prototype[name];
    }
  });
  assert.deepEqual(endings, ["result", "not_found"]);
});
