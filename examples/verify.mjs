// Two people connect by mail, make sure of each other, and share part of a card for a day.
import { Vouchsafe, isVouchsafeError } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const { session: alice } = await app.signUp({ email: "anna@example.com", passphrase: "correct horse battery" });
const { session: bob } = await app.signUp({ email: "ben@example.com", passphrase: "staple battery horse" });

// Alice invites by mail. (The development server keeps its mails, so that a program can read one.)
const { id } = await alice.invite({ delivery: "email", email: bob.email, name: "Bob" });
let mail;
while (!mail) {
  const { items } = await (await fetch(`${site}dev/mails`)).json();
  mail = items.find(({ to }) => to === bob.email);
}
const connection = await bob.accept({ link: mail.link }, { name: "Alice" });
console.log(`Bob's connection is ${connection.trust}`);

// The Vault could have answered the mail itself, so sharing is refused until somebody has looked.
const bank = await alice.createCard({
  label: "Bank",
  fields: [
    { name: "iban", label: "IBAN", value: "IS14 0159 2600 7654" },
    { name: "pin", label: "PIN", value: "1234" },
  ],
});
const offer = { card: bank.id, connection: id, fields: ["iban"], expiresAt: Date.now() + 24 * 60 * 60 * 1000 };
await alice.share(offer).catch((error) => {
  if (!isVouchsafeError(error, "connection_unverified")) throw error;
  console.log(`Refused: ${error.message}`);
});

// They read the digits to each other, by phone or side by side: the number is the same on both sides.
const { safetyNumber } = await alice.connection(id);
await bob.markVerified(id, safetyNumber);
await alice.markVerified(id, connection.safetyNumber);

const share = await alice.share(offer);
const { card, trust } = await bob.readShare(share.id);
console.log(`Bob reads ${card.fields.map((field) => `${field.label} ${field.value}`).join()} (${trust})`);

await alice.revokeShare(share.id);
await bob.readShare(share.id).catch((error) => console.log(`After revoking: ${error.code}`));
