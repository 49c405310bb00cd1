// A link shows a card to somebody without an account, who has been told its passphrase another way.
import { Vouchsafe, isVouchsafeError } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const services = { vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site };
const app = await Vouchsafe.open(services);
const { session: alice } = await app.signUp({ email: "alma@example.com", passphrase: "correct horse battery" });
const fields = [
  { name: "key", label: "Key", value: "open sesame" },
  { name: "admin", label: "Router", value: "4711" },
];
const wifi = await alice.createCard({ label: "Wi-Fi", fields });
const { link, id } = await alice.shareByLink({
  card: wifi.id,
  fields: ["key"],
  expiresAt: Date.now() + 7 * 24 * 60 * 60 * 1000,
  maxReads: 3,
  passphrase: "the name of our dog",
  name: "Alice",
});

// The page that the link leads to has no session. It finds the link by `readLink(location)`.
const page = await Vouchsafe.open(services);
async function show(passphrase) {
  try {
    const { card, claimedName } = await page.openLink(link, { passphrase });
    return `${claimedName} shows ${card.label}: ${card.fields.map(({ label, value }) => `${label} ${value}`).join()}`;
  } catch (error) {
    if (!isVouchsafeError(error, "passphrase_needed")) throw error;
    return "A passphrase is needed";
  }
}
console.log(page.readLink(link).kind);
console.log(await show());
console.log(await show("the name of our dog"));

// It follows the card.
fields[0].value = "open barley";
await alice.updateCard({ ...wifi, fields });
console.log(await show("the name of our dog"));

const { items } = await alice.linkShares();
console.log(`${items[0].state}, read ${items[0].reads} times of ${items[0].maxReads}, edition ${items[0].edition}`);
await alice.revokeLink(id);
await page.openLink(link).catch((error) => console.log(`After revoking: ${error.code}`));
