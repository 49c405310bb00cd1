// Bob is told the moment that Alice shares something.
import { Vouchsafe } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const { session: alice } = await app.signUp({ email: "ada@example.com", passphrase: "correct horse battery" });
const { session: bob } = await app.signUp({ email: "bert@example.com", passphrase: "staple battery horse" });
const { link } = await alice.invite({ delivery: "link", name: "Bob" });
const { id } = await bob.accept({ link }, { name: "Alice" });

// An event names a record and nothing else; what it says is fetched, and checked, by the call.
const arrived = new Promise((resolve) => {
  const stop = bob.on("share", async (event) => {
    stop();
    resolve(await bob.readShare(event.id));
  });
});

const wifi = await alice.createCard({ label: "Wi-Fi", fields: [{ name: "key", label: "Key", value: "open sesame" }] });
await alice.share({ card: wifi.id, connection: id });

const { card, from } = await arrived;
console.log(`${from.name} just shared ${card.label}: ${card.fields[0].value}`);
