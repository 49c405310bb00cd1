// An account is saved as a file of JSON lines, and its cards are taken to another account.
import { Vouchsafe } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const { session: before } = await app.signUp({ email: "mia@example.com", passphrase: "correct horse battery" });
for (const label of ["Passport", "Wi-Fi"]) await before.createCard({ label, fields: [{ name: "text", label: "Text", value: "…" }] });

const lines = [];
for await (const line of before.exportAccount()) lines.push(line);
const file = new Blob(lines, { type: "application/jsonl" });
console.log(`The file has ${lines.length} lines`);

const { session: after } = await app.signUp({ email: "mia.new@example.com", passphrase: "correct horse battery" });
const { made, failed } = await after.importCards(file);
console.log(`${made} cards were made, ${failed.length} not`);
