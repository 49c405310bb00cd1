// One card for several people at once: a result or an error for each, in the order in which they were named.
import { Vouchsafe } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const { session: alice } = await app.signUp({ email: "amy@example.com", passphrase: "correct horse battery" });

const friends = [];
for (const name of ["Bob", "Carol", "Dave"]) {
  const email = `${name.toLowerCase()}.friend@example.com`;
  const { session } = await app.signUp({ email, passphrase: `${name} likes horses` });
  const { link } = await alice.invite({ delivery: "link", name });
  friends.push(await session.accept({ link }, { name: "Amy" }));
}

// Carol goes: what Alice shares from now on does not reach her.
await alice.disconnect(friends[1].id);

const party = await alice.createCard({ label: "Party", fields: [{ name: "door", label: "Door code", value: "4711" }] });
const results = await alice.shareWithMany({ card: party.id, connections: friends.map(({ id }) => id) });
for (const { share, error } of results) console.log(share ? "shared" : `not shared: ${error.code}`);
