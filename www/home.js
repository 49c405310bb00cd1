import { cardsSection } from "./cards.js";
import { connectionsSection } from "./connections.js";
import { guide } from "./guide.js";
import { invitationsSection } from "./invite.js";
import { linksSection } from "./links.js";
import { notify } from "./notices.js";
import { safetyDialog } from "./safety.js";
import { shareDialog } from "./share-form.js";
import { incomingSection } from "./incoming.js";
import { outgoingSection } from "./shares.js";
import { isUnproven } from "./trust.js";

/** The listeners for each kind of event: each fetches the lists that changed, and `tellOnce` tells of it. */
function newsListeners(world, { invitations, connections, incoming, outgoing }, tellOnce) {
  return {
    async card() {
      await world.refreshCards();
      await world.refreshShown();
    },
    async invitation({ id }) {
      await world.refreshPeople();
      const invitation = invitations.find(id);
      if (invitation?.state === "declined") tellOnce(`declined ${id}`, `${invitation.name} declined your invitation.`);
      if (invitation?.state === "undeliverable") tellOnce(`undeliverable ${id}`, `The mail to ${invitation.name} could not be delivered.`);
    },
    async connection({ id }) {
      await world.refreshPeople();
      const connection = connections.find(id);
      if (connection?.state === "active" && connection.trust === "changed") {
        const unproven = `The server says that ${connection.name} accepted, but whoever it was cannot show to have had your link.`;
        tellOnce(`changed ${id}`, isUnproven(connection) ? unproven : `The server shows other keys for ${connection.name} than before.`);
      } else if (connection?.state === "active" && connection.role === "inviter") {
        const share = { name: "Share a card", what: `with ${connection.name}`, run: () => shareDialog(world, { connection: id }) };
        const isNew = tellOnce(`accepted ${id}`, `${connection.name} accepted: you are connected.`, share);
        if (isNew) invitations.wasAccepted(connection);
      }
      if (connection?.state === "ended") {
        tellOnce(`ended ${id}`, `The connection with ${connection.name} has ended.`);
        await world.refreshShares();
      }
    },
    async share({ id }) {
      await world.refreshShares();
      const share = incoming.find(id);
      const show = { name: "Show", what: "it", run: () => incoming.show(id) };
      if (share) tellOnce(`shared ${id}`, `${share.name} shared a card with you.`, show);
    },
    async link() {
      await world.refreshLinks();
    },
    async updated({ id }) {
      await world.refreshShares();
      const share = incoming.find(id);
      const show = { name: "Show", what: "it", run: () => incoming.show(id) };
      // Where it is open, the change is seen.
      if (share && !incoming.isOpen(id)) tellOnce(`updated ${id} ${share.edition}`, `${share.name} changed a card that is shared with you.`, show);
    },
    async read({ id }) {
      await world.refreshOutgoing();
      const share = outgoing.find(id);
      if (share?.read) tellOnce(`read ${id}`, `${share.name} has read ${share.label ?? "what you shared"}.`);
    },
    async revoked({ id }) {
      await world.refreshShares();
      const share = incoming.past(id);
      if (share) tellOnce(`revoked ${id}`, `${share.name} took back a card that was shared with you.`);
    },
  };
}

/**
 * `tell`, but once for each thing that it is `about`; returns whether it told. An event may come twice, or long after the lists
 * hold what it tells of, when the stream was cut.
 */
function once(tell) {
  const told = new Set();
  return (about, text, action) => {
    if (told.has(about)) return false;
    told.add(about);
    tell(text, action);
    return true;
  };
}

async function nameOf(id, session, connections) {
  const known = connections.find(id);
  if (known?.name) return known.name;
  try {
    return (await session.connection(id)).name;
  } catch {
    return "somebody unknown";
  }
}

const guideActions = (world, behind, cards, invitations) => ({
  addSample: cards.addSample,
  invite: invitations.openInvite,
  share: () => shareDialog(world, {}),
  showRows: () => behind.openTab("rows"),
  lie: () => behind.openTab("attacks"),
});

/**
 * The sections that a signed-in person sees, kept up to date. `behind` is the servers' side, `invited` whether the person came by
 * an invitation. `close` ends the updates.
 */
export function homeView(session, behind, { invited }) {
  const first = guide({ invited });
  let closed = false;
  let people = Promise.resolve();
  const files = { own: 0, received: 0 };
  /** Tells news unless the person has left: it names people. */
  const tell = (text, action) => {
    if (!closed) notify(text, action);
  };
  const world = {
    session,
    tell,
    refreshConnections: () => connections.refresh(),
    // One after the other: the first look at a new connection pins its keys, which is another version of the invitation's note.
    refreshPeople: () => (people = people.then(() => connections.refresh()).then(() => invitations.refresh())),
    refreshCards: () => cards.refresh(),
    refreshOutgoing: () => outgoing.refresh(),
    /** What shows a card that has changed. */
    refreshShown: () => Promise.all([outgoing.refresh(), links.refresh()]),
    refreshLinks: () => Promise.all([links.refresh(), cards.refresh()]),
    /** Each card says who has it. */
    refreshShares: () => Promise.all([incoming.refresh(), outgoing.refresh(), cards.refresh()]),
    nameOf: (id) => nameOf(id, session, connections),
    connection: (id) => connections.find(id),
    isOpen: () => !closed,
    refresh,
    disconnect: (connection) => connections.disconnect(connection),
    /** A card of the list. */
    card: (id) => cards.find(id),
    point: behind.point,
    showRows: behind.showRows,
    count({ ownFiles = files.own, receivedFiles = files.received, ...given }) {
      files.own = ownFiles;
      files.received = receivedFiles;
      first.count(given);
      behind.count({ ...given, files: ownFiles + receivedFiles });
    },
  };
  const cards = cardsSection(world);
  const invitations = invitationsSection(world);
  const connections = connectionsSection(world, invitations);
  const incoming = incomingSection(world);
  const links = linksSection(world, (count) => outgoing.countLinks(count));
  const outgoing = outgoingSection(world, links);
  behind.names(connections.nameOfAccount);
  first.does(guideActions(world, behind, cards, invitations));

  const listeners = newsListeners(world, { invitations, connections, incoming, outgoing }, once(tell));
  const ends = Object.entries(listeners).map(([kind, listener]) => session.on(kind, listener));

  async function refresh() {
    await world.refreshPeople();
    // Shares are shown with the titles of cards.
    await cards.refresh();
    await Promise.all([incoming.refresh(), outgoing.refresh(), links.refresh()]);
  }

  // Servers can keep events to themselves: a person who comes back to the tab sees what is new all the same.
  window.addEventListener("focus", refresh);
  ends.push(session.on("missed", refresh));

  return {
    sections: [first.root, cards.root, connections.root, incoming.root, outgoing.root],
    refresh,
    refreshConnections: connections.refresh,
    compare: (connection, verified) => safetyDialog(world, connection, verified),
    close() {
      closed = true;
      window.removeEventListener("focus", refresh);
      for (const end of ends) end();
      cards.close();
      incoming.close();
    },
  };
}
