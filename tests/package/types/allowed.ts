// What an app may write. It is compiled, not run.

import { isVouchsafeError, Session, Vouchsafe, VouchsafeError } from "vouchsafe";
import type { Card, Connection, ErrorCode, EventKind, FileRef, Invitation, LiveEvent, Opened, OpenOptions, Page, ReceivedShare, Share } from "vouchsafe";
import * as external from "vouchsafe/external";
import * as full from "vouchsafe/full";
import * as testing from "vouchsafe/testing";

const services = { vault: "https://example.com/vault", keystore: "https://example.com/keystore" };

export async function entries(module: WebAssembly.Module, maybe: string | undefined): Promise<void> {
  const app: Vouchsafe = await Vouchsafe.open({ ...services, invitationUrl: maybe, worker: () => new Worker("/worker.js") });
  const streamed: external.Vouchsafe = await external.Vouchsafe.open({ ...services, wasm: fetch("/vouchsafe_bg.wasm") });
  const bytes: external.WasmSource[] = [module, new Uint8Array(8), new ArrayBuffer(8), new URL("https://example.com"), "/a.wasm"];
  await external.Vouchsafe.open({ ...services, wasm: bytes[0] });
  const slow: full.Vouchsafe = await full.Vouchsafe.open({ ...services, engine: "rust", lockAfter: 60_000 });
  // The entries have one API, so that code can take either.
  for (const either of [app, streamed, slow] satisfies Vouchsafe[]) await either.signIn({ email: "a", passphrase: "b" });
  const same: typeof Vouchsafe.open = full.Vouchsafe.open;
  const options: OpenOptions = { ...services, worker: undefined };
  await same(options);
}

export async function person(session: Session, signal: AbortSignal): Promise<string> {
  const page: Page<Opened<Card>> = await session.cards({ limit: 10, signal });
  for (const card of page.items) {
    if (card.error) console.log(card.error.code satisfies ErrorCode);
    else await session.updateCard({ ...card, label: card.label.trim() }, { signal });
  }
  const constant = { label: "Wi-Fi", fields: [{ name: "key", label: "Key", value: "open sesame" }] } as const;
  const { fields } = await session.createCard(constant);
  fields.push({ name: "more", label: "More", value: "" });
  await session.updateCard({ id: "c", version: 1, ...constant });
  await session.updateCard({ id: "c", version: 1, ...constant, kind: null, data: { tags: ["a", null], order: 1.5 } });
  await session.readShares(["s"] as const);
  await session.share({ card: "c", connection: "x", fields: ["key"] as const });
  const ref = await session.addFile(new Blob(["a scan"]), { name: "scan.png" });
  const withFile = await session.createCard({ ...constant, files: [ref] as const });
  await session.updateCard({ ...withFile, files: withFile.files.filter(({ id }) => id !== ref.id) });
  await session.share({ card: withFile.id, connection: "x", files: [ref.id] as const });
  for await (const line of session.exportAccount({ signal })) line satisfies string;
  const { made, failed } = await session.importCards(session.exportAccount());
  for (const bytes of [new Uint8Array(8), new ArrayBuffer(8)]) await session.importCards(bytes);
  console.log(page.cut satisfies boolean, made, failed.map((one) => one.error.code));
  const byLink = await session.invite({ delivery: "link", name: "Bob" });
  const link: string = byLink.link;
  const byMail = await session.invite({ delivery: "email", name: "Bob", email: "bob@example.com" });
  byMail.link satisfies null;
  await session.declineInvitation({ link });
  const connection = await session.accept({ id: "i", token: "t" }, { name: "Alice" });
  if (connection.trust === "verified") {
    connection.verifiedBy satisfies "safetyNumber" | "link";
    connection.safetyNumber satisfies string;
  } else {
    connection.verifiedBy satisfies null;
  }
  for (const result of await session.shareWithMany({ card: "c", connections: [connection.id] as const })) {
    if (result.error) console.log(result.error.message);
    else console.log(result.share.id satisfies string);
  }
  const scan = await session.addFile(new Blob(["a scan"]), { name: "scan.png", signal, onProgress: ({ bytes, total }) => console.log(bytes, total ?? "?") });
  const stream = new ReadableStream<Uint8Array>();
  for (const source of [new File([], "a"), new Uint8Array(8), new ArrayBuffer(8), stream]) await session.addFile(source, { name: "a" });
  const file = await session.file({ ...scan } satisfies FileRef);
  new Response(file.stream({ start: 0, end: file.size }), { headers: { "content-type": file.type } });
  URL.createObjectURL(new Blob([await file.bytes(), await file.blob()]));
  for (const { id } of await session.pendingUploads()) await session.resumeUpload(id, new Blob([]));
  const [first] = await session.readShares(["s"], { onProgress: ({ done, total }) => console.log(done / total) });
  const received: ReceivedShare | undefined = first?.received ?? undefined;
  const end = session.on("share", (event: LiveEvent) => console.log(event.kind, event.id));
  session.on("locked", ({ kind }) => console.log(kind));
  const kinds: readonly EventKind[] = ["share", "locked"];
  for (const kind of kinds) session.on(kind, (event) => console.log(event.kind === "share" && event.id));
  session.on(["share", "revoked", "missed"], (event) => console.log(event.kind === "missed" ? "fetch anew" : event.id));
  end();
  await session.persist({ scope: "tab", account: session.account });
  const { expiresAt } = await session.sendEmailCode();
  await session.confirmEmail("12345678", { signal });
  const { email, confirmed } = await session.emailStatus();
  console.log(expiresAt satisfies number, email satisfies string | null, confirmed satisfies boolean);
  return received?.card.fields[0]?.value ?? describe(await session.invitations(), connection);
}

function describe({ items: [invitation] }: Page<Opened<Invitation>>, connection: Connection): string {
  if (!invitation || invitation.error) return connection.name;
  switch (invitation.delivery) {
    case "link":
      return invitation.link ?? invitation.state;
    case "email":
      return invitation.email ?? invitation.name;
  }
}

export function errors(error: unknown): string {
  if (isVouchsafeError(error, "email_taken")) return error.code satisfies "email_taken";
  if (!isVouchsafeError(error)) return "";
  // The union is closed: a switch over it can be checked for being complete.
  switch (error.code) {
    case "wrong_credentials":
    case "recovery_needed":
      return error.retryable ? "again" : error.message;
    default:
      return new VouchsafeError(error.code, error.message, { cause: error.cause satisfies unknown }).name;
  }
}

export async function tests(render: (session: Session) => void): Promise<void> {
  testing.standIn.reset();
  const app: Vouchsafe = await testing.Vouchsafe.open(services);
  const { session } = await app.signUp({ email: "a@example.com", passphrase: "correct horse" });
  render(session);
  testing.standIn.failNext("createCard", "quota_exceeded", { quota: "cards", times: Infinity });
  testing.standIn.failNext("open" satisfies testing.Call, "insecure_context");
  const release: () => void = testing.standIn.hold("signIn");
  release();
  testing.standIn.changeKeys(session.account);
  const code: string | null | undefined = testing.standIn.mails[0]?.code;
  if (code) await session.confirmEmail(code);
  if (!testing.isVouchsafeError(code)) console.log(testing.VouchsafeError === VouchsafeError);
}

export const nothing: Share[] = [];
