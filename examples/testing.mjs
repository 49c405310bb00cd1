// A test of an app's own code: the stand-in plays the package, the services, and whoever else there is.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Vouchsafe, standIn } from "vouchsafe/testing";

/** What the app does, and this file tests. */
async function send(session, connection, label) {
  try {
    const card = await session.createCard({ label, fields: [] });
    await session.share({ card: card.id, connection });
    return "Sent.";
  } catch (error) {
    return error.retryable ? "Please try again." : error.message;
  }
}

/** Alice and Bob, connected. */
async function friends() {
  const app = await Vouchsafe.open({ vault: "https://v.example", keystore: "https://k.example", invitationUrl: "https://a.example" });
  const { session: alice } = await app.signUp({ email: "alice@example.com", passphrase: "correct horse battery" });
  const { session: bob } = await app.signUp({ email: "bob@example.com", passphrase: "staple battery horse" });
  const { link } = await alice.invite({ delivery: "link", name: "Bob" });
  return { alice, bob, connection: (await bob.accept({ link }, { name: "Alice" })).id };
}

afterEach(() => standIn.reset());

test("a card arrives", async () => {
  const { alice, bob, connection } = await friends();
  assert.equal(await send(alice, connection, "Passport"), "Sent.");
  const { items } = await bob.incomingShares();
  assert.equal((await bob.readShare(items[0].id)).card.label, "Passport");
});

test("somebody without a network is asked to try again", async () => {
  const { alice, connection } = await friends();
  standIn.failNext("share", "offline");
  assert.equal(await send(alice, connection, "Passport"), "Please try again.");
});
