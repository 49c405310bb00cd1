// Many calls at once, and sessions that end while calls are under way: each call ends with a result or a code, and
// nothing traps. The tests use the package in a page as an app would.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();

const CODES = ["not_found", "bad_input", "locked", "session_expired"];

/** A tab with the package loaded and a new account, and what the tests need in it as `globalThis.tools`. */
async function tab(t) {
  const { context } = await device(t);
  const page = await context.newPage();
  await page.goto(DEMO_URL);
  const credentials = { email: `busy.${randomBytes(5).toString("hex")}@example.test`, passphrase: "many things at once" };
  await page.evaluate(async (credentials) => {
    const { Vouchsafe, isVouchsafeError } = await import(`${location.origin}/vouchsafe/index.js`);
    const open = () => Vouchsafe.open({ vault: `${location.origin}/vault`, keystore: `${location.origin}/keystore` });
    const app = await open();
    const { session } = await app.signUp(credentials);
    const fields = [{ name: "number", label: "Number", value: "X123" }];
    const unknown = "0192f0c1-2345-7abc-8def-0123456789ab";
    /** Fifty calls of ten kinds, started in one go. */
    const fifty = () =>
      Array.from({ length: 5 }, (_, round) => [
        session.createCard({ label: `Card ${round}`, fields }),
        session.createCard({ label: `Second ${round}`, fields }),
        session.cards(),
        session.invite({ delivery: "link", name: "Bob" }),
        session.invitations({ limit: 10 }),
        session.connections(),
        session.incomingShares(),
        session.outgoingShares(),
        session.card(unknown),
        session.share({ card: unknown, connection: unknown }),
      ]).flat();
    /** The end of each call: "result", a code, or the text of anything else. */
    const endings = async (calls) =>
      (await Promise.allSettled(calls)).map(({ status, reason }) => {
        if (status === "fulfilled") return "result";
        return isVouchsafeError(reason) ? reason.code : String(reason?.stack ?? reason);
      });
    globalThis.tools = { app, open, session, credentials, fields, fifty, endings };
  }, credentials);
  return page;
}

function assertEndings(endings, allowed) {
  assert.equal(endings.length, 50);
  for (const ending of endings) assert.ok(["result", ...allowed].includes(ending), ending);
}

test("fifty calls at once on one session", async (t) => {
  const page = await tab(t);
  const { endings, cards, invitations } = await page.evaluate(async () => {
    const { session, fifty, endings } = globalThis.tools;
    const ended = await endings(fifty());
    return { endings: ended, cards: (await session.cards()).items, invitations: (await session.invitations()).items };
  });
  assertEndings(endings, CODES);
  assert.equal(endings.filter((ending) => ending === "result").length, 40);
  assert.equal(endings.filter((ending) => ending === "not_found").length, 10);
  assert.equal(new Set(cards.map((card) => card.id)).size, 10);
  assert.deepEqual(new Set(cards.map((card) => card.fields[0].value)), new Set(["X123"]));
  assert.equal(invitations.filter((invitation) => invitation.state === "pending").length, 5);
});

test("locking while calls are under way", async (t) => {
  const page = await tab(t);
  const { endings, locked, after } = await page.evaluate(async () => {
    const { session, credentials, fifty, endings } = globalThis.tools;
    const calls = fifty();
    await session.lock();
    const locked = session.locked;
    const ended = await endings(calls);
    await session.unlock({ passphrase: credentials.passphrase });
    return { endings: ended, locked, after: await endings([session.cards(), session.createCard({ label: "After", fields: [] })]) };
  });
  assertEndings(endings, CODES);
  assert.ok(endings.includes("locked"), "no call was stopped by the lock");
  assert.ok(locked);
  assert.equal(after[0], "result");
  assert.ok(["result", "bad_input"].includes(after[1]), after[1]);
});

test("unlocking, locking and unlocking at once", async (t) => {
  const page = await tab(t);
  const { endings, cards } = await page.evaluate(async () => {
    const { session, credentials, endings } = globalThis.tools;
    const unlock = () => session.unlock({ passphrase: credentials.passphrase });
    const ended = await endings([session.lock(), unlock(), session.lock(), unlock(), unlock()]);
    return { endings: ended, cards: await endings([session.cards()]) };
  });
  assert.deepEqual(endings, ["result", "result", "result", "result", "result"]);
  assert.deepEqual(cards, ["result"]);
});

test("signing out while calls are under way", async (t) => {
  const page = await tab(t);
  const { endings, after } = await page.evaluate(async () => {
    const { session, fifty, endings } = globalThis.tools;
    const calls = fifty();
    const out = session.signOut();
    const again = session.signOut();
    const ended = await endings(calls);
    return { endings: ended, after: await endings([out, again, session.cards()]) };
  });
  assertEndings(endings, CODES);
  assert.ok(endings.some((ending) => ending !== "result"), "no call was stopped by signing out");
  assert.deepEqual(after, ["result", "result", "session_expired"]);
});

test("the module's own object is freed while calls are under way", async (t) => {
  const page = await tab(t);
  const endings = await page.evaluate(async () => {
    const { bindings } = await import(`${location.origin}/vouchsafe/glue.js`);
    const { RawSession } = bindings();
    const { session, fifty, endings } = globalThis.tools;
    // Each call looks first at what the browser has stored.
    let raw;
    let begun = 0;
    const all = new Promise((resolve) => {
      const names = ["createCard", "cards", "invite", "invitations", "connections", "incomingShares", "outgoingShares", "card", "share"];
      for (const name of names) {
        const method = RawSession.prototype[name];
        RawSession.prototype[name] = function (...options) {
          raw = this;
          begun += 1;
          if (begun === 50) queueMicrotask(resolve);
          return method.apply(this, options);
        };
      }
    });
    const calls = fifty();
    const stop = session.on("share", () => {});
    await all;
    raw.free();
    const ended = await endings(calls);
    stop();
    return ended;
  });
  assertEndings(endings, CODES);
  assert.equal(endings.filter((ending) => ending === "result").length, 40);
});

test("an app that is mounted twice, as React's strict mode does", async (t) => {
  const page = await tab(t);
  const { told, endings } = await page.evaluate(async () => {
    const { open, credentials, fields, endings } = globalThis.tools;
    // Mounted, unmounted and mounted again before anything has come back.
    const mount = (heard) => {
      let gone = false;
      let stop = () => {};
      const ready = (async () => {
        const session = await (await open()).signIn(credentials);
        if (gone) {
          await session.signOut();
          return null;
        }
        stop = session.on("invitation", (event) => heard.push(event.id));
        return session;
      })();
      return {
        ready,
        unmount() {
          gone = true;
          stop();
          stop();
        },
      };
    };
    const [lost, heard, all] = [[], [], []];
    const first = mount(lost);
    first.unmount();
    const second = mount(heard);
    const [none, session] = await Promise.all([first.ready, second.ready]);
    session.on("invitation", (event) => all.push(event.id));
    const invitation = await session.invite({ delivery: "link", name: "Bob" });
    const cancelled = new Promise((resolve) => session.on("invitation", resolve));
    await session.cancelInvitation(invitation.id);
    await cancelled;
    const ended = await endings([session.createCard({ label: "Mounted", fields }), session.cards()]);
    second.unmount();
    return { told: { none, lost, heard, all, invitation: invitation.id }, endings: ended };
  });
  assert.equal(told.none, null);
  assert.deepEqual(told.lost, []);
  // It was made and cancelled; of both only the later may be told.
  assert.ok(told.all.length > 0 && told.all.every((id) => id === told.invitation));
  assert.deepEqual(told.heard, told.all, "each is told once");
  assert.deepEqual(endings, ["result", "result"]);
});
