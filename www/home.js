import { cardsSection } from "./cards.js";
import { hear, TAB } from "./channel.js";
import { connectionsSection } from "./connections.js";
import { guide } from "./guide.js";
import { invitationsSection } from "./invite.js";
import { notify } from "./notices.js";
import { safetyDialog } from "./safety.js";
import { shareDialog } from "./share-form.js";
import { incomingSection, outgoingSection } from "./shares.js";
import { isUnproven } from "./trust.js";

/** The step with which a share is opened for the first time. */
const CLAIM = 40;

/** The listeners for each kind of event: each fetches the lists that changed, and `tellOnce` tells of it. */
function newsListeners(world, { invitations, connections, incoming }, tellOnce) {
  return {
    async invitation({ id }) {
      await invitations.refresh();
      const invitation = invitations.find(id);
      if (invitation?.state === "declined") tellOnce(`declined ${id}`, `${invitation.name} declined your invitation.`);
      if (invitation?.state === "undeliverable") tellOnce(`undeliverable ${id}`, `The mail to ${invitation.name} could not be delivered.`);
    },
    async connection({ id }) {
      await Promise.all([connections.refresh(), invitations.refresh()]);
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
  /** Tells news unless the person has left: it names people. */
  const tell = (text, action) => {
    if (!closed) notify(text, action);
  };
  const world = {
    session,
    tell,
    refreshConnections: () => connections.refresh(),
    refreshShares: () => Promise.all([incoming.refresh(), outgoing.refresh()]),
    nameOf: (id) => nameOf(id, session, connections),
    connection: (id) => connections.find(id),
    isOpen: () => !closed,
    refresh,
    disconnect: (connection) => connections.disconnect(connection),
    /** By the share's id, the titles of cards shared from this tab: no server knows them, and a list has none. */
    labels: new Map(),
    point: behind.point,
    showRows: behind.showRows,
    count(given) {
      first.count(given);
      behind.count(given);
    },
  };
  const cards = cardsSection(world);
  const invitations = invitationsSection(world);
  const connections = connectionsSection(world, invitations);
  const incoming = incomingSection(world);
  const outgoing = outgoingSection(world);
  first.does(guideActions(world, behind, cards, invitations));

  const listeners = newsListeners(world, { invitations, connections, incoming }, once(tell));
  const ends = Object.entries(listeners).map(([kind, listener]) => session.on(kind, listener));

  async function refresh() {
    await connections.refresh();
    await Promise.all([cards.refresh(), invitations.refresh(), world.refreshShares()]);
  }

  // Nothing announces a claim or another device's cards: a person who comes back to the tab sees them. Where the other
  // person is a tab of this browser, its steps tell.
  window.addEventListener("focus", refresh);
  ends.push(session.on("missed", refresh));
  ends.push(hear("step", ({ number, tab }) => void (number === CLAIM && tab !== TAB && outgoing.refresh())));

  return {
    sections: [first.root, cards.root, connections.root, incoming.root, outgoing.root],
    refresh,
    refreshConnections: connections.refresh,
    compare: (connection, verified) => safetyDialog(world, connection, verified),
    close() {
      closed = true;
      window.removeEventListener("focus", refresh);
      for (const end of ends) end();
    },
  };
}
