// The passphrase is lost: the recovery key, shown once at sign-up, opens the account and sets a new one.
import { Vouchsafe, isVouchsafeError } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const email = "olga@example.com";
const { session: first, recoveryKey: written } = await app.signUp({ email, passphrase: "correct horse battery" });
await first.createCard({ label: "Diary", fields: [{ name: "text", label: "Text", value: "Dear diary" }] });

await app.signIn({ email, passphrase: "what was it again" }).catch((error) => {
  if (!isVouchsafeError(error, "wrong_credentials")) throw error;
  console.log(error.message);
});

// Other sessions end, and so does the old recovery key: show the new one, once.
const { session, recoveryKey } = await app.recover({ email, recoveryKey: written, passphrase: "a new passphrase" });
console.log(`Olga writes down: ${recoveryKey}`);
const { items } = await session.cards();
console.log(`Her cards are still there: ${items.map(({ label }) => label).join()}`);

// Knowing the passphrase, one replaces it, or the recovery key, at any time.
await session.changePassphrase({ passphrase: "a new passphrase", newPassphrase: "a better passphrase" });
await session.signOut();
