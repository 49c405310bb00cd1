// Makes people with records for the runs against the services' own descriptions, and writes down what reaches them:
// node people.mjs <root address> <file to write>

import { writeFile } from "node:fs/promises";

const [root, file] = process.argv.slice(2);
const passphrase = "made for one run alone";

/** The newest session at the Keystore, as it goes over the wire: the package shows it to nobody. */
let session;
/** What a reader of each link shows, likewise, by the link's id. */
const readings = {};
const fetchForReal = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  const request = new Request(resource, options);
  const bearer = request.headers.get("authorization")?.replace("Bearer ", "");
  const { pathname } = new URL(request.url);
  if (bearer && pathname.startsWith("/keystore/")) session = bearer;
  const [, link] = pathname.match(/\/links\/([^/]+)\/read$/) ?? [];
  if (link) readings[link] = await request.clone().json();
  return fetchForReal(request);
};

const { Vouchsafe } = await import("vouchsafe");
const app = await Vouchsafe.open({ vault: `${root}/vault`, keystore: `${root}/keystore`, invitationUrl: `${root}/` });

async function person(name) {
  const made = await app.signUp({ email: `${name}.${process.pid}@example.org`, passphrase });
  await made.session.cards();
  return { session: made.session, bearer: session };
}

/** Somebody with cards, files, links, connections in all states, and shares both ways. */
async function busy(name) {
  const me = await person(`${name}-me`);
  const peer = await person(`${name}-peer`);
  const ids = { card: [], invitation: [], connection: [], share: [], space: [], link: [], file: [], account: [peer.session.account] };
  for (let index = 0; index < 4; index += 1) {
    const fields = [{ name: "number", label: "Number", value: `X${index}` }];
    const file = await me.session.addFile(new Uint8Array(5000), { name: "zeros" });
    // Nothing names the last file.
    const card = await me.session.createCard({ label: `Card ${index}`, fields, files: index < 3 ? [file] : [] });
    const theirs = await peer.session.createCard({ label: `Their card ${index}`, fields });
    const invitation = await me.session.invite({ delivery: "link", name: "Peer" });
    const connection = await peer.session.accept({ link: invitation.link }, { name: "Me" });
    await me.session.connection(connection.id);
    const sent = await me.session.share({ card: card.id, connection: connection.id });
    const received = await peer.session.share({ card: theirs.id, connection: connection.id });
    if (index % 2 === 0) await me.session.readShare(received.id);
    const pending = await me.session.invite({ delivery: "email", email: "nobody@example.org", name: "Nobody" });
    if (index === 3) await me.session.disconnect(connection.id);
    const end = { expiresAt: Date.now() + 86_400_000, maxReads: index === 1 ? 1 : undefined };
    const link = await me.session.shareByLink({ card: card.id, name: "Me", ...end });
    await app.openLink(link.link);
    if (index === 2) await me.session.revokeLink(link.id);
    ids.card.push(card.id);
    ids.file.push(file.id);
    ids.invitation.push(invitation.id, pending.id);
    ids.connection.push(connection.id);
    ids.share.push(sent.id, received.id);
    ids.space.push(sent.space, received.space);
    ids.link.push(link.id);
  }
  return { session: me.bearer, ids };
}

const people = { main: await busy("main"), leaving: await busy("leaving") };
await writeFile(file, JSON.stringify({ ...people, readings }));
// The worker and open connections would keep Node going.
process.exit(0);
