// What an app must not write. Each line is refused by the compiler, or this file does not compile.

import { isVouchsafeError, Session, Vouchsafe, VouchsafeError } from "vouchsafe";
import type { Card, Connection, Failure, LinkInvitation, OpenOptions } from "vouchsafe";
import * as external from "vouchsafe/external";
import * as full from "vouchsafe/full";
import { standIn } from "vouchsafe/testing";

const services = { vault: "https://example.com/vault", keystore: "https://example.com/keystore" };

export async function forbidden(session: Session, app: Vouchsafe, error: unknown): Promise<void> {
  // @ts-expect-error only open() makes one
  new Vouchsafe();
  // @ts-expect-error only signing in makes one
  new Session();
  // @ts-expect-error the Keystore is missing
  await Vouchsafe.open({ vault: "https://example.com/vault" });
  // @ts-expect-error no such option
  await Vouchsafe.open({ ...services, invitationURL: "https://example.com/" });
  // @ts-expect-error an address is a string
  await Vouchsafe.open({ ...services, vault: new URL("https://example.com") });
  // @ts-expect-error this entry has the module inside
  await Vouchsafe.open({ ...services, wasm: "/vouchsafe_bg.wasm" });
  // @ts-expect-error this entry has one engine
  await external.Vouchsafe.open({ ...services, engine: "rust" });
  // @ts-expect-error not a source of a module (the compiler takes any object for a WebAssembly.Module)
  await external.Vouchsafe.open({ ...services, wasm: null });
  // @ts-expect-error no such engine
  await full.Vouchsafe.open({ ...services, engine: "go" });
  // @ts-expect-error the passphrase is missing
  await app.signIn({ email: "a@example.com" });

  // @ts-expect-error a field has a label
  await session.createCard({ label: "Passport", fields: [{ name: "number", value: "X1" }] });
  // @ts-expect-error JSON has no dates
  await session.createCard({ label: "Passport", fields: [], data: { at: new Date() } });
  // @ts-expect-error which version it replaces
  await session.updateCard({ id: "c", label: "Passport", fields: [] });
  // @ts-expect-error a text is no source
  await session.addFile("a scan", { name: "scan.txt" });
  // @ts-expect-error a file is opened with all that names it
  await session.file("f");
  // @ts-expect-error a mail needs an address
  await session.invite({ delivery: "email", name: "Bob" });
  // @ts-expect-error no such way
  await session.invite({ delivery: "pigeon", name: "Bob" });
  // @ts-expect-error the whole link, or id and token
  await session.accept({ id: "i" }, { name: "Alice" });
  // @ts-expect-error how this side calls the inviter
  await session.accept({ link: "l" });
  // @ts-expect-error misspelt, it would mean "never"
  await session.share({ card: "c", connection: "x", expireAt: Date.now() });
  // @ts-expect-error one connection
  await session.share({ card: "c", connections: ["x"] });
  // @ts-expect-error a list
  await session.shareWithMany({ card: "c", connections: "x" });
  // @ts-expect-error no such event
  session.on("weather", () => {});
  // @ts-expect-error an event of the session has no id
  session.on("locked", ({ id }) => console.log(id));
  // @ts-expect-error one of the two has none
  session.on(["share", "locked"], ({ id }) => console.log(id));
  // @ts-expect-error asked for again
  await session.deleteAccount();
  // @ts-expect-error for whom it is kept
  await session.persist({ scope: "everybody" });
  // @ts-expect-error a person has one id
  session.account = "another";
  // @ts-expect-error a promise is to be awaited
  (await session.cards()).items[0].label;

  const card = (await session.cards()).items[0]!;
  // @ts-expect-error a failure has no label
  card.label;
  // @ts-expect-error no such code
  isVouchsafeError(error, "not_connected");
  // @ts-expect-error the union is closed
  new VouchsafeError("not_connected", "");
  if (isVouchsafeError(error)) {
    // @ts-expect-error the union is closed
    if (error.code === "unknown") return;
    // @ts-expect-error an error does not change
    error.code = "offline";
    // @ts-expect-error what it came from is not known
    error.cause.message;
  }
}

// @ts-expect-error no such call
standIn.failNext("creatCard", "offline");
// @ts-expect-error what gives no promise cannot fail later
standIn.failNext("on", "offline");
// @ts-expect-error no such code
standIn.failNext("share", "not_connected");

// @ts-expect-error no verification without a way
export const unsure: Pick<Extract<Connection, { trust: "verified" }>, "verifiedBy"> = { verifiedBy: null };
// @ts-expect-error a link's invitation told no server of an address
export const told: Pick<LinkInvitation, "email"> = { email: "bob@example.com" };
// @ts-expect-error either a card or a failure
export const both: Card & Failure = { id: "c", error: new VouchsafeError("not_found", "") };
// @ts-expect-error the services are required
export const none: OpenOptions = {};
