/** Tabs that share one event stream: each hears everything once, in order, whichever of them reads, dies or freezes. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Stream } from "../stream.js";

const KINDS = ["share", "revoked"];

/** Web Locks of one name. */
class Locks {
  holder;
  queue = [];

  request(_, { signal, steal = false }, work) {
    return new Promise((resolve, reject) => {
      const one = { work, resolve, reject };
      const abort = () => {
        this.queue = this.queue.filter((other) => other !== one);
        if (this.holder !== one) reject(new DOMException("given up", "AbortError"));
      };
      signal?.addEventListener("abort", abort);
      if (steal) this.free(new DOMException("stolen", "AbortError"));
      this.queue[steal ? "unshift" : "push"](one);
      this.grant();
    });
  }

  grant() {
    if (this.holder || this.queue.length === 0) return;
    const one = this.queue.shift();
    this.holder = one;
    one.work().then((result) => {
      if (this.holder !== one) return;
      one.resolve(result);
      this.free();
    });
  }

  free(error) {
    const before = this.holder;
    this.holder = undefined;
    if (error) before?.reject(error);
    else this.grant();
  }
}

/** What the Vault has, and who reads it. */
class Vault {
  events = [];
  tabs = new Set();
  asked = 0;

  add(kind = "share") {
    this.events.push({ kind, id: `id ${this.events.length + 1}` });
    for (const tab of this.tabs) tab.read();
  }

  get reading() {
    return [...this.tabs].filter(({ held }) => !held);
  }
}

/** A session in a tab, as the module has it. */
class Tab {
  heard = [];
  changes = [];
  listeners = [];
  #held = false;

  constructor(vault, lastEvent) {
    Object.assign(this, { vault, lastEvent });
    vault.tabs.add(this);
    const Channel = globalThis.BroadcastChannel;
    const made = (channel) => (this.channel = channel);
    globalThis.BroadcastChannel = function (name) {
      return made(new Channel(name));
    };
    this.stream = new Stream(this, "an account", KINDS, (change) => this.changes.push(change));
    globalThis.BroadcastChannel = Channel;
    this.on(KINDS, ({ id }) => this.heard.push(id));
  }

  get held() {
    return this.#held;
  }

  set held(held) {
    this.#held = held;
    if (!held) {
      this.lastEvent ??= String(this.vault.events.length);
      this.read();
    }
  }

  on(kinds, listener) {
    const entry = { kinds, listener };
    this.listeners.push(entry);
    return { cancel: () => (this.listeners = this.listeners.filter((other) => other !== entry)) };
  }

  hear(kind, id) {
    for (const { kinds, listener } of this.listeners) if (kinds.includes(kind)) listener({ kind, id });
  }

  /** Tells what came since the last event. */
  catchUp() {
    if (this.dead || Number(this.lastEvent) > this.vault.events.length) return;
    const missed = this.vault.events.slice(Number(this.lastEvent));
    for (const { kind, id } of missed) this.hear(kind, id);
    this.lastEvent = String(this.vault.events.length);
    if (missed.length > 0) this.stream.moved();
  }

  read() {
    if (!this.held && this.lastEvent !== undefined) this.catchUp();
  }

  async lookBack() {
    this.vault.asked += 1;
    this.catchUp();
  }

  nudge() {}

  /** Does nothing any more, and says nothing; the browser frees its lock. */
  die() {
    this.dead = true;
    this.vault.tabs.delete(this);
    this.stream.close();
  }
}

let vault, locks, open;

beforeEach(() => {
  [vault, locks, open] = [new Vault(), new Locks(), []];
  globalThis.indexedDB = {};
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true, writable: true });
});

afterEach(() => {
  for (const tab of open) tab.stream.close();
  delete globalThis.indexedDB;
  delete globalThis.navigator;
});

function tab(lastEvent) {
  const made = new Tab(vault, lastEvent);
  open.push(made);
  return made;
}

/** Goes on when messages between tabs have made it so. */
async function until(holds) {
  while (!holds()) await new Promise(setImmediate);
}

const names = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => `id ${from + at}`);

test("one of eight tabs reads, all hear, and another takes over when it goes", async () => {
  const tabs = Array.from({ length: 8 }, () => tab());
  await until(() => vault.reading.length === 1);
  await until(() => tabs.every(({ lastEvent }) => lastEvent === "0"));
  for (let rest = tabs; rest.length > 1; rest = rest.slice(1)) {
    const [first] = rest;
    const count = vault.events.length;
    vault.add();
    await until(() => rest.every(({ heard }) => heard.length > count));
    assert.deepEqual(vault.reading, [first]);
    // It goes before it has passed on what it reads.
    first.dead = true;
    vault.add("revoked");
    first.die();
    await until(() => rest.slice(1).every(({ heard }) => heard.length > count + 1));
  }
  assert.deepEqual(tabs.at(-1).heard, names(1, 14));
  assert.deepEqual(tabs.at(-2).heard, names(1, 13));
  assert.equal(vault.asked, 0, "nobody had to ask");
});

test("a tab that was away asks for what it missed, once", async () => {
  tab();
  await until(() => vault.reading.length === 1);
  for (let count = 0; count < 3; count += 1) vault.add();
  const back = tab("1");
  await until(() => back.heard.length === 2);
  vault.add();
  await until(() => back.heard.length === 3);
  assert.deepEqual([back.heard, vault.asked], [names(2, 4), 1]);
  assert.equal(back.changes.at(-1), "event", "the last event is kept");
  const fresh = tab();
  await until(() => fresh.lastEvent === "4");
  assert.deepEqual(fresh.heard, [], "a new tab hears what comes from now on");
});

test("a tab whose last event is later than all asks, since the service may have been restored", async () => {
  tab();
  vault.add();
  const strange = tab("9000");
  await until(() => vault.asked === 1);
  assert.deepEqual(strange.heard, []);
});

test("a tab that does not answer loses the stream, and nothing is told twice when it wakes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const frozen = tab();
  await until(() => vault.reading.length === 1);
  const other = tab();
  await until(() => other.lastEvent === "0");
  // What a frozen tab gets, it gets later.
  const late = [];
  const { onmessage } = frozen.channel;
  frozen.channel.onmessage = (message) => late.push(message);
  vault.tabs.delete(frozen);
  vault.add();
  for (const milliseconds of [3000, 20_000, 3000]) {
    t.mock.timers.tick(milliseconds);
    await until(() => milliseconds === 3000 || late.length > 0);
  }
  await until(() => !other.held);
  assert.deepEqual(other.heard, names(1, 1));
  vault.add();

  frozen.channel.onmessage = onmessage;
  for (const message of late) onmessage(message);
  vault.tabs.add(frozen);
  await until(() => frozen.held);
  t.mock.timers.tick(3000);
  t.mock.timers.tick(20_000);
  await until(() => frozen.heard.length === 2);
  vault.add();
  await until(() => frozen.heard.length === 3);
  assert.deepEqual([frozen.heard, other.heard], [names(1, 3), names(1, 3)]);
  assert.deepEqual(vault.reading, [other]);
});

test("a session that is over leaves the stream to another, and reads again when it is fresh", async () => {
  const [first, second] = [tab(), tab()];
  await until(() => vault.reading.includes(first));
  first.stream.rest();
  await until(() => vault.reading.includes(second));
  assert.deepEqual(vault.reading, [second]);
  first.stream.stir();
  second.stream.close();
  await until(() => vault.reading.includes(first));
  vault.add();
  assert.deepEqual(first.heard, names(1, 1));
});

test("what the service cannot tell any more is missed in every tab", async () => {
  const [first, second] = [tab("9"), tab("9")];
  await until(() => vault.reading.length === 1);
  first.lastEvent = undefined;
  first.stream.missed();
  first.held = false;
  await until(() => second.changes.includes("missed"));
  vault.add();
  await until(() => second.heard.length === 1);
  assert.deepEqual([first.heard, second.heard], [names(1, 1), names(1, 1)]);
});

test("where a page may not have locks, it reads by itself", async () => {
  locks.request = () => Promise.reject(new DOMException("a sandbox", "SecurityError"));
  const tabs = [tab(), tab()];
  await until(() => vault.reading.length === 2);
  vault.add();
  assert.deepEqual(tabs.map(({ heard }) => heard), [names(1, 1), names(1, 1)]);
});
