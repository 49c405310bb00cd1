// Calls that are ended in the middle, and long ones that tell how far they are. The tests use the package in a page as an
// app would; whatever the page reports as an error fails them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();

const REASONS = ["nothing", "undefined", "a text", "an error", "an object", "null"];

/** A tab with the package loaded, whose requests and workers are counted. */
async function tab(t) {
  const { context } = await device(t);
  const page = await context.newPage();
  await page.goto(DEMO_URL);
  const email = `ended.${randomBytes(5).toString("hex")}@example.test`;
  await page.evaluate(async ({ email }) => {
    const counts = { requests: 0, cancelled: 0, workers: 0, terminated: 0 };
    /** Called at each request and each task of a worker, with how many there were. */
    const hooks = { request() {}, work() {} };
    const { fetch } = globalThis;
    globalThis.fetch = async (...given) => {
      if (!new URL(given[0].url ?? given[0], location).pathname.includes("/v1/")) return fetch(...given);
      hooks.request((counts.requests += 1));
      try {
        return await fetch(...given);
      } catch (error) {
        if (error.name === "AbortError") counts.cancelled += 1;
        throw error;
      }
    };
    const { postMessage, terminate } = Worker.prototype;
    Worker.prototype.postMessage = function (...given) {
      postMessage.apply(this, given);
      hooks.work((counts.workers += 1));
    };
    Worker.prototype.terminate = function () {
      counts.terminated += 1;
      return terminate.call(this);
    };
    const { Vouchsafe, isVouchsafeError } = await import(`${location.origin}/vouchsafe/index.js`);
    const app = await Vouchsafe.open({ vault: `${location.origin}/vault`, keystore: `${location.origin}/keystore` });
    const credentials = { email, passphrase: "many things are ended" };
    const reasons = { undefined: undefined, "a text": "a text", "an error": new RangeError("enough"), "an object": { enough: true }, null: null };
    const abort = (controller, reason) => (reason === "nothing" ? controller.abort() : controller.abort(reasons[reason]));
    /** The end of a call: "result", or the code and whether the cause is the signal's reason. */
    const ending = async (call, { signal }) => {
      try {
        await call;
        return "result";
      } catch (error) {
        return isVouchsafeError(error) ? `${error.code} ${Object.is(error.cause, signal.reason)}` : String(error?.stack ?? error);
      }
    };
    globalThis.tools = { app, credentials, counts, hooks, abort, ending, isVouchsafeError };
  }, { email });
  return page;
}

test("a call ends with whatever reason, wherever it is", async (t) => {
  const page = await tab(t);
  for (const moment of ["at once", "in a request", "in the worker"]) {
    for (const reason of REASONS) {
      const { ended, counts, running } = await page.evaluate(async ({ moment, reason }) => {
        const { app, credentials, counts, hooks, abort, ending } = tools;
        const controller = new AbortController();
        const stop = () => abort(controller, reason);
        Object.assign(hooks, { request() {}, work() {} });
        if (moment === "in a request") hooks.request = stop;
        if (moment === "in the worker") hooks.work = stop;
        const call = ending(app.signUp({ ...credentials, signal: controller.signal }), controller);
        if (moment === "at once") stop();
        const ended = await call;
        // Calls that were begun are ended, too.
        const running = counts.workers - counts.terminated;
        return { ended, running, counts: { ...counts } };
      }, { moment, reason });
      assert.equal(ended, "aborted true", `${moment}, ${reason}`);
      assert.equal(running, 0, `a worker was left behind: ${moment}, ${reason}`);
      if (moment === "in a request") assert.ok(counts.cancelled > 0, "the request goes on");
    }
  }
  // The address is still free, and everything works.
  const cards = await page.evaluate(async () => {
    const { app, credentials, hooks } = tools;
    Object.assign(hooks, { request() {}, work() {} });
    const { session } = await app.signUp({ ...credentials, signal: new AbortController().signal });
    await session.createCard({ label: "Passport", fields: [] }, { signal: new AbortController().signal });
    return (await session.cards({ signal: new AbortController().signal })).items.length;
  });
  assert.equal(cards, 1);
});

test("a signal that was aborted before sends nothing", async (t) => {
  const page = await tab(t);
  const { ended, sent } = await page.evaluate(async () => {
    const { app, credentials, counts, ending } = tools;
    const { session } = await app.signUp(credentials);
    const controller = new AbortController();
    controller.abort("too late");
    const { signal } = controller;
    const id = "0192f0c1-2345-7abc-8def-0123456789ab";
    const passphrase = credentials.passphrase;
    const before = counts.requests;
    const calls = [
      app.signUp({ ...credentials, signal }),
      app.signIn({ ...credentials, signal }),
      app.recover({ email: credentials.email, recoveryKey: "x", passphrase, signal }),
      session.createCard({ label: "Never", fields: [] }, { signal }),
      session.cards({ signal }),
      session.card(id, { signal }),
      session.updateCard({ id, version: 1, label: "Never", fields: [] }, { signal }),
      session.deleteCard(id, { signal }),
      session.invite({ delivery: "link", name: "Bob", signal }),
      session.invitations({ signal }),
      session.cancelInvitation(id, { signal }),
      session.declineInvitation({ link: "x" }, { signal }),
      session.accept({ link: "x" }, { name: "Alice", signal }),
      session.connections({ signal }),
      session.connection(id, { signal }),
      session.markVerified(id, "1", { signal }),
      session.disconnect(id, { signal }),
      session.share({ card: id, connection: id, signal }),
      session.shareWithMany({ card: id, connections: [id], signal }),
      session.outgoingShares({ signal }),
      session.revokeShare(id, { signal }),
      session.incomingShares({ signal }),
      session.readShare(id, { signal }),
      session.readShares([id], { signal }),
      session.persist({ scope: "tab", signal }),
      session.unlock({ passphrase, signal }),
      session.changePassphrase({ passphrase, newPassphrase: "never set", signal }),
      session.makeRecoveryKey({ passphrase, signal }),
      session.emailStatus({ signal }),
      session.sendEmailCode({ signal }),
      session.confirmEmail("12345678", { signal }),
      session.deleteAccount({ passphrase, signal }),
      session.signOut({ signal }),
    ];
    const ended = await Promise.all(calls.map((call) => ending(call, controller)));
    return { ended, sent: counts.requests - before };
  });
  assert.deepEqual(new Set(ended), new Set(["aborted true"]));
  assert.equal(sent, 0);
});

test("fifty calls that are ended at fifty moments harm nothing", async (t) => {
  const page = await tab(t);
  const { endings, cards } = await page.evaluate(async () => {
    const { app, credentials, hooks, ending } = tools;
    const { session } = await app.signUp(credentials);
    const controllers = Array.from({ length: 50 }, () => new AbortController());
    const waiting = [...controllers];
    // Each further request ends the call that is next.
    hooks.request = () => waiting.shift()?.abort({ enough: true });
    const kinds = [
      (signal) => session.createCard({ label: "Card", fields: [] }, { signal }),
      (signal) => session.cards({ signal }),
      (signal) => session.invite({ delivery: "link", name: "Bob", signal }),
      (signal) => session.invitations({ signal }),
      (signal) => session.incomingShares({ signal }),
    ];
    const calls = controllers.map((controller, index) => ending(kinds[index % 5](controller.signal), controller));
    const endings = await Promise.all(calls);
    hooks.request = () => {};
    await session.createCard({ label: "After", fields: [] });
    const { items } = await session.cards();
    return { endings, cards: items.map(({ label, error }) => error?.code ?? label) };
  });
  for (const ended of endings) assert.ok(["result", "aborted true"].includes(ended), ended);
  assert.ok(endings.includes("aborted true"));
  assert.equal(cards[0], "After");
  assert.deepEqual(new Set(cards.slice(1)), new Set(cards.length > 1 ? ["Card"] : []));
});

test("long calls tell how far they are", async (t) => {
  const page = await tab(t);
  const told = await page.evaluate(async () => {
    const { app, credentials } = tools;
    const { session } = await app.signUp(credentials);
    const card = await session.createCard({ label: "Passport", fields: [{ name: "number", label: "Number", value: "X1234567" }] });
    const connections = [];
    for (const name of ["bob", "carol"]) {
      const other = await app.signUp({ ...credentials, email: `${name}.${credentials.email}` });
      const { link } = await session.invite({ delivery: "link", name });
      connections.push((await other.session.accept({ link }, { name: "Alice" })).id);
    }
    const told = {};
    const tell = (name) => (progress) => (told[name] ??= []).push(`${progress.done}/${progress.total}`);
    const results = await session.shareWithMany({ card: card.id, connections, onProgress: tell("share") });
    await session.readShares(results.map(({ share }) => share.id), { onProgress: tell("read") });
    await session.cards({ onProgress: tell("cards") });
    await session.connections({ onProgress: tell("connections") });
    return told;
  });
  assert.deepEqual(told, {
    share: ["0/4", "1/4", "2/4", "3/4", "4/4"],
    read: ["0/2", "1/2", "2/2"],
    cards: ["0/1", "1/1"],
    connections: ["0/2", "1/2", "2/2"],
  });
});
