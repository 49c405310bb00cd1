// Many shares of one person, read on a device that never saw them.

import { answers } from "./answers.js";
import { inGroups, state, timed } from "./common.js";

/** The most that one call reads, and one page of a list has. */
const BATCH = 200;

/** The longest wait for what a call leaves behind. */
const PATIENCE = 60_000;

/** Of each card that is shared, without what is the same in all. */
const TEXT = "She said: \"All of it, please.\" ".repeat(8).slice(0, 250);

const card = (number) => ({ label: "A card", fields: [{ name: "text", label: "Text", value: `${String(number).padStart(5, "0")} ${TEXT}` }] });

const batches = (ids) => Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, batch) => ids.slice(batch * BATCH, (batch + 1) * BATCH));

/** Shares from Alice to Bob over several connections, which he has claimed, and the answers to whoever reads so many of them at once. */
export async function beginMany({ count, connections, counts }) {
  const [bob] = state.peers;
  const between = await inGroups(connections, 2, async () => {
    const { link } = await state.alice.invite({ delivery: "link", name: "Bob" });
    return (await bob.accept({ link }, { name: "Alice" })).id;
  });
  await inGroups(count / connections, 2, async (number) => {
    const { id } = await state.alice.createCard(card(number));
    for (const { error } of await state.alice.shareWithMany({ card: id, connections: between })) if (error) throw error;
  });
  const ids = await listed(bob, count);
  for (const batch of batches(ids)) await read(bob, batch);

  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const source = answers();
  const app = await Vouchsafe.open({ ...state.services, fetch: source.fetch });
  const session = await app.signIn(state.people.bob);
  await listed(session, 1);
  const begun = performance.now();
  // The last claims may still be on their way.
  do {
    if (performance.now() - begun > PATIENCE) throw new Error("the shares are not claimed");
    source.notes.clear();
    source.mode = "noted";
    for (const batch of [...batches(ids), ...counts.map((some) => ids.slice(0, some))]) await read(session, batch);
    source.mode = "network";
  } while ([...source.notes.values()].some(({ body }) => new TextDecoder().decode(body).includes('"claim":null')));
  await session.signOut();
  state.many = { app, source, ids };
}

/** The ids of the newest shares that somebody received. */
async function listed(session, count) {
  const ids = [];
  for (let cursor; ids.length < count && cursor !== null; ) {
    const { items, next } = await session.incomingShares({ cursor, limit: Math.min(BATCH, count - ids.length) });
    ids.push(...items.map(({ id }) => id));
    cursor = next;
  }
  return ids;
}

async function read(session, ids) {
  const results = await session.readShares(ids);
  for (const { error } of results) if (error) throw error;
  return results;
}

/** What `work` takes, given a session of Bob's that has listed its shares and has read none, when all answers are there. */
async function onNewDevice(count, work) {
  const { app, source, ids } = state.many;
  const session = await app.signIn(state.people.bob);
  await listed(session, count);
  source.mode = "memory";
  const took = await work(session, ids.slice(0, count));
  source.mode = "network";
  await session.signOut();
  return took;
}

/** Claimed shares, read by one call. */
export const readClaimed = (count) => onNewDevice(count, (session, ids) => timed(() => read(session, ids)));

/** Claimed shares, read by one call after another. */
export const readMany = (count) =>
  onNewDevice(count, (session, ids) =>
    watched(async () => {
      const results = [];
      for (const batch of batches(ids)) results.push(...(await read(session, batch)));
      return results;
    }),
  );

const turn = () => new Promise((resolve) => setTimeout(resolve));

/**
 * The milliseconds of some work, its longest task on the page's thread, of those of 50 milliseconds or more, and the bytes of
 * JavaScript's heap that are held afterwards, what it gave among them; `null` for what the browser does not tell.
 */
export async function watched(work) {
  const held = async () => {
    // What the first collection lets go may hold more.
    for (let times = 0; times < 2; times += 1) await globalThis.gc?.({ execution: "async" });
    return performance.memory?.usedJSHeapSize ?? null;
  };
  const tasks = [];
  const note = (entries) => tasks.push(...entries.map(({ duration }) => duration));
  const canWatch = PerformanceObserver.supportedEntryTypes.includes("longtask");
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  const before = await held();
  // What the page did before is no part of it.
  await turn();
  if (canWatch) observer.observe({ type: "longtask" });
  let given;
  const took = await timed(async () => (given = await work()));
  // A task is told of after its end.
  await turn();
  note(observer.takeRecords());
  observer.disconnect();
  const heap = before === null ? null : (await held()) - before;
  return { took, longest: canWatch ? Math.max(0, ...tasks) : null, heap, length: given.length };
}
