// A share follows its card: Alice changes it, Bob sees the change at once, and Alice sees that he read it.
import { Vouchsafe } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const services = { vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site };
const app = await Vouchsafe.open({ ...services, receipts: true });
const { session: alice } = await app.signUp({ email: "ava@example.com", passphrase: "correct horse battery" });
const { session: bob } = await app.signUp({ email: "bill@example.com", passphrase: "staple battery horse" });
const { link } = await alice.invite({ delivery: "link", name: "Bob" });
const { id: connection } = await bob.accept({ link }, { name: "Alice" });

const fields = [
  { name: "number", label: "Number", value: "X1234567" },
  { name: "pin", label: "PIN", value: "4711" },
];
const passport = await alice.createCard({ label: "Passport", fields });
// Bob gets the number, and goes on getting it; the PIN he never sees.
const { id } = await alice.share({ card: passport.id, connection, fields: ["number"] });

const next = (session, kind) =>
  new Promise((resolve) => {
    const stop = session.on(kind, (event) => {
      stop();
      resolve(event);
    });
  });
const changed = next(bob, "updated").then((event) => bob.readShare(event.id));
const wasRead = next(alice, "read");

fields[0].value = "X7654321";
const { lagging } = await alice.updateCard({ ...passport, fields });
console.log(`Updated; ${lagging.length} shares could not follow`);

const { card, share } = await changed;
console.log(`Bob reads edition ${share.edition}: ${card.fields.map(({ value }) => value).join(", ")}`);

await wasRead;
for (const { read } of (await alice.sharesOf(passport.id)).items) console.log(`Read: edition ${read.edition}`);

// Sharing the card again with Bob changes the share that he has. Without `fields` he would get all, without `expiresAt` for ever.
const expiresAt = Date.now() + 86_400_000;
const again = await alice.share({ card: passport.id, connection, fields: ["number"], expiresAt });
console.log(`The same share: ${again.id === id}`);

await alice.deleteCard(passport.id).catch((error) => console.log(`Not deleted: ${error.code}`));
await alice.deleteCard(passport.id, { shares: "revoke" });
