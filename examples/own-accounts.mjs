import { Vouchsafe, isVouchsafeError } from "vouchsafe";

const app = await Vouchsafe.open({
  vault: "http://127.0.0.1:8787/vault",
  keystore: "http://127.0.0.1:8787/keystore",
  invitationUrl: "http://127.0.0.1:3000/",
});

// Your server knows who is signed in, and hands out that person's ID token.
const tokenOf = (user) => async () => {
  const answer = await fetch(`http://127.0.0.1:3000/id-token?user=${user}`);
  if (!answer.ok) throw new Error(`${user} is not signed in`);
  return answer.text();
};

async function enter(user, passphrase) {
  const identityToken = tokenOf(user);
  try {
    const { session, recoveryKey } = await app.signUp({ identityToken, passphrase });
    console.log(`${user} writes down: ${recoveryKey}`);
    return session;
  } catch (error) {
    if (!isVouchsafeError(error, "email_taken")) throw error;
    return app.signIn({ identityToken, passphrase });
  }
}

const alice = await enter("alice", "correct horse battery");
const bob = await enter("bob", "staple battery horse");
const { link } = await alice.invite({ delivery: "link", name: "Bob" });
const connection = await bob.accept({ link }, { name: "Alice" });
const fields = [{ name: "number", label: "Number", value: "X1234567" }];
const passport = await alice.createCard({ label: "Passport", fields });
await alice.share({ card: passport.id, connection: connection.id });

const { items } = await bob.incomingShares();
const { card, from } = await bob.readShare(items[0].id);
console.log(`${from.name} shared ${card.label}: ${card.fields[0].value}`);

// Whenever the passphrase is asked for again, a fresh token is fetched by itself.
await bob.lock();
await bob.unlock({ passphrase: "staple battery horse" });
