// Calls with a `fetch` of the app's own, with fake timers, through what leads elsewhere, and the end of listening.
import { createServer } from "node:http";
import { Vouchsafe } from "vouchsafe";

const [vault, keystore] = process.argv.slice(2);
const services = { vault, keystore, invitationUrl: "https://app.example/" };

/** The end of a call: its code, whether to try again, its cause. */
const ending = (call) => call.then(() => "done", ({ code, retryable, cause }) => `${code} ${retryable} ${cause?.message}`);

// What the app's function throws, or gives in place of an answer, is told.
const used = new Response("used");
await used.text();
for (const fetch of [
  () => { throw new RangeError("the app's own"); },
  async () => { throw new RangeError("the app's own"); },
  async () => ({ headers: new Headers() }),
  async () => undefined,
  async () => used,
]) {
  const app = await Vouchsafe.open({ ...services, timeout: 1000, fetch });
  const error = await app.check().catch((thrown) => thrown);
  console.log(`${error.name} ${error.code}: ${error.cause instanceof RangeError ? error.cause.message : error.cause?.constructor.name}`);
}

// All requests go through it, as an address and options.
const asked = new Set();
const through = (url, init) => {
  asked.add(`${typeof url} ${new URL(url).pathname.split("/v1/")[1].split("/")[0]} ${init.redirect}`);
  return fetch(url, init);
};
const app = await Vouchsafe.open({ ...services, fetch: through });
await app.check();
const email = `node.${Math.random().toString(36).slice(2)}@example.com`;
const { session } = await app.signUp({ email, passphrase: "a passphrase for Node" });
await session.cards();
console.log([...asked].sort().join(", "));

// A token that is no header's value is the service's fault, and the call ends.
const bent = async (url, init) => {
  const answer = await fetch(url, init);
  return url.endsWith("/tokens") ? Response.json({ ...(await answer.json()), token: "two\nlines" }, { status: answer.status }) : answer;
};
const told = await Vouchsafe.open({ ...services, fetch: bent });
const again = await told.signIn({ email, passphrase: "a passphrase for Node" });
console.log(await ending(again.cards()));

// A redirect is no answer, and is not followed.
const server = createServer((_, response) => response.writeHead(302, { location: `${vault}/health` }).end());
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const redirected = await Vouchsafe.open({ ...services, vault: `http://127.0.0.1:${server.address().port}` });
console.log(await ending(redirected.check()));
server.close().closeAllConnections();

// When nobody listens any more, nothing keeps the process.
const stop = session.on("share", () => {});
while (!asked.has("string events manual")) await new Promise((resolve) => setTimeout(resolve, 10));
stop();
await session.cards();
console.log(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, "timers");

// Fake timers, as of a test, whose time does not pass: a call is sent again all the same.
// Node's own `Response` would wait with them, too.
const answer = (status, text) => {
  const pieces = [new TextEncoder().encode(text)];
  const body = { getReader: () => ({ read: async () => ({ value: pieces[0], done: !pieces.shift() }) }) };
  return { status, headers: new Headers({ "content-type": "application/json" }), body };
};
let requests = 0;
const standIn = async () => answer((requests += 1) % 2 ? 503 : 200, "{}");
const faked = await Vouchsafe.open({ ...services, fetch: standIn });
const { setTimeout: real, queueMicrotask } = globalThis;
globalThis.setTimeout = globalThis.queueMicrotask = () => ({ unref() {}, refresh() {} });
await faked.check();
Object.assign(globalThis, { setTimeout: real, queueMicrotask });
console.log(requests, "requests");
