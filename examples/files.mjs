// A card has a scan with it, and whoever the card is shared with gets that, too.
import { Vouchsafe } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const person = async (name) => (await app.signUp({ email: `${name}@example.com`, passphrase: "correct horse battery" })).session;
const [alice, bob] = [await person("aline"), await person("bertil")];
const { link } = await alice.invite({ delivery: "link", name: "Bob" });
const connection = await bob.accept({ link }, { name: "Alice" });

// In a page this is what a file input or a drop gives: a File, which has a name and a type.
const scan = new File([new Uint8Array(3_000_000)], "passport.png", { type: "image/png" });
const file = await alice.addFile(scan, {
  onProgress: ({ bytes, total }) => bytes === total && console.log(`${bytes} bytes are up`),
});
const fields = [{ name: "number", label: "Number", value: "X1234567" }];
const card = await alice.createCard({ label: "Passport", fields, files: [file] });
const share = await alice.share({ card: card.id, connection: connection.id });

// Bob reads all of it, or some: in a page `img.src = URL.createObjectURL(await opened.blob())` shows it.
const received = await bob.readShare(share.id);
const opened = await bob.file(received.card.files[0]);
const blob = await opened.blob();
console.log(`Bob has ${opened.name}: ${blob.size} bytes of ${blob.type}`);
const end = await opened.bytes({ start: opened.size - 2 });
console.log(`Its last ${end.length} bytes are ${end.join(" ")}`);

// Fields and files are chosen apart. Who shares chosen fields shares no file, unless it is named.
await alice.share({ card: card.id, connection: connection.id, fields: ["number"] });
const { card: shown } = await bob.readShare(share.id);
console.log(`Now Bob sees ${shown.fields.length} field and ${shown.files.length} files`);
await opened.bytes().catch((error) => console.log(`And the file is ${error.code}`));
