// A long call says how far it is, and ends when it is told to.
import { Vouchsafe, isVouchsafeError } from "vouchsafe";

const site = "http://127.0.0.1:8787/";
const app = await Vouchsafe.open({ vault: `${site}vault`, keystore: `${site}keystore`, invitationUrl: site });
const { session } = await app.signUp({ email: "lea@example.com", passphrase: "correct horse battery" });
for (const label of ["Bike", "Boat"]) {
  await session.createCard({ label, fields: [{ name: "lock", label: "Lock", value: "1234" }] });
}

await session.cards({ onProgress: ({ done, total }) => console.log(`${done} of ${total} cards`) });

// Nothing is left half done, and the call can be made again.
const controller = new AbortController();
const car = { label: "Car", fields: [{ name: "lock", label: "Lock", value: "1234" }] };
const call = session.createCard(car, { signal: controller.signal });
controller.abort("the person went away");
await call.catch((error) => {
  if (!isVouchsafeError(error, "aborted")) throw error;
  console.log(`Aborted, because ${error.cause}`);
});
