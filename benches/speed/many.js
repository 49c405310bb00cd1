// Many shares that one person has claimed, read in a new session.

import { answers } from "./answers.js";
import { inGroups, somebody, state, timed } from "./common.js";

/** The most that one call reads, and one page of a list has. */
const BATCH = 200;

/** The longest wait for what a call leaves behind. */
const PATIENCE = 60_000;

/** Of each card that is shared, without what is the same in all. */
const TEXT = "She said: \"All of it, please.\" ".repeat(9).slice(0, 250);

const card = (number) => ({ label: "A card", fields: [{ name: "text", label: "Text", value: `${String(number).padStart(5, "0")} ${TEXT}` }] });

const batches = (ids) => Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, batch) => ids.slice(batch * BATCH, (batch + 1) * BATCH));

/** Shares from one person to another over several connections, all claimed, and the answers to whoever reads so many of them at once. */
export async function beginMany({ count, connections, counts }) {
  const reader = somebody("reader");
  const { session: from } = await state.app.signUp(somebody("sender"));
  const { session: to } = await state.app.signUp(reader);
  const between = await inGroups(connections, 2, async () => {
    const { link } = await from.invite({ delivery: "link", name: "Reader" });
    return (await to.accept({ link }, { name: "Sender" })).id;
  });
  await inGroups(count / connections, 2, async (number) => {
    const { id } = await from.createCard(card(number));
    for (const { error } of await from.shareWithMany({ card: id, connections: between })) if (error) throw error;
  });
  const ids = await listed(to, count);
  for (const batch of batches(ids)) await read(to, batch);

  const { Vouchsafe } = await import("/vouchsafe/index.js");
  const source = answers();
  const app = await Vouchsafe.open({ ...state.services, fetch: source.fetch });
  const session = await app.signIn(reader);
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
  state.many = { app, source, reader, ids };
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

/** What `work` takes, given a new session of the reader's that has listed shares and has read none, when all answers are there. */
async function inNewSession(count, work) {
  const { app, source, reader, ids } = state.many;
  const session = await app.signIn(reader);
  await listed(session, count);
  source.mode = "memory";
  const took = await work(session, ids.slice(0, count));
  source.mode = "network";
  await session.signOut();
  return took;
}

/** Claimed shares, read by one call. */
export const readClaimed = (count) => inNewSession(count, (session, ids) => timed(() => read(session, ids)));

/** Claimed shares, read by one call after another. */
export const readMany = (count) =>
  inNewSession(count, (session, ids) =>
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
