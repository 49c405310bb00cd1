import { Vouchsafe } from "vouchsafe";

const app = await Vouchsafe.open({
  vault: "http://127.0.0.1:8787/vault",
  keystore: "http://127.0.0.1:8787/keystore",
  invitationUrl: "http://127.0.0.1:8787/",
});
const { session: alice, recoveryKey } = await app.signUp({ email: "alice@example.com", passphrase: "correct horse battery" });
console.log(`Alice writes down: ${recoveryKey}`);
const fields = [{ name: "number", label: "Number", value: "X1234567" }];
const passport = await alice.createCard({ label: "Passport", fields });
const invitation = await alice.invite({ delivery: "link", name: "Bob" });

const { session: bob } = await app.signUp({ email: "bob@example.com", passphrase: "staple battery horse" });
const connection = await bob.accept({ link: invitation.link }, { name: "Alice" });
await alice.share({ card: passport.id, connection: connection.id });

const { items } = await bob.incomingShares();
const { card, from, trust } = await bob.readShare(items[0].id);
console.log(`${from.name} (${trust}) shared ${card.label}: ${card.fields[0].value}`);
