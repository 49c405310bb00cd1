// What is fetched, and the kinds of events after which it is fetched again.

export const CARDS = { fetch: (session) => session.cards({ limit: 200 }), on: ["card"] };

const active = ({ items }) => ({ items: items.filter(({ state }) => state !== "ended") });
export const PEOPLE = { fetch: (session) => session.connections({ limit: 200 }).then(active), on: ["connection"] };

/** What one shares, with whom, and what was read of it. */
export const SENT = { fetch: (session) => session.outgoingShares({ limit: 200 }), on: ["share", "updated", "read", "revoked", "connection"] };

/** What others share, opened and checked: all of it in one call. */
export const RECEIVED = {
  on: ["share", "updated", "revoked", "connection"],
  async fetch(session) {
    const { items } = await session.incomingShares({ limit: 200 });
    const read = items.length === 0 ? [] : await session.readShares(items.map(({ id }) => id));
    return { items: read.map(({ id, received, error }) => ({ id, error, ...received })) };
  },
};
