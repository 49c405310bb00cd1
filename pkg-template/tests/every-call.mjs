// Every call of the package, and the mistakes that apps and people make, as one script. It runs against the package and against
// its stand-in, and its account of what happened must be the same.

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057";

/** Members that are times, and others that are never the same twice. */
const VARY = ["createdAt", "updatedAt", "expiresAt", "sentAt", "at", "readAt", "next"];

/** A copy of what a call gave, with words in place of what differs from run to run. The same id is the same word. */
function describer(people) {
  const words = new Map();
  const word = (kind, value) => {
    if (!words.has(value)) words.set(value, `${kind} ${words.size + 1}`);
    return words.get(value);
  };
  const text = (value) => {
    if (/^(\d{5} ){11}\d{5}$/.test(value)) return word("number", value);
    if (/^[\w-]{22}$/.test(value)) return word("ref", value);
    if (/^[\w-]{43}$/.test(value)) return word("key", value);
    if (/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/.test(value)) return "a recovery key";
    if (/#vouchsafe=1\.([ls]\.[0-9a-f-]{36}\.[\w-]{43}|m\.[0-9a-f-]{36})\.[\w-]{22}$/.test(value)) return word("link", value);
    return value.replaceAll(UUID, (id) => word("id", id)).replaceAll(people, "people");
  };
  const describe = (value) => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map(describe);
    if (value instanceof Error) return { code: value.code, retryable: value.retryable, argument: value.argument };
    if (typeof value !== "object" || value === null) return value;
    if ("failedSignIns" in value) return describe({ account: value.account, email: value.email, locked: value.locked });
    const members = Object.entries(value).map(([name, member]) => {
      if (VARY.includes(name) && member !== null) return [name, typeof member];
      // The claim is on its way when the share was read.
      return [name, name === "claimed" ? typeof member : describe(member)];
    });
    return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
  };
  return describe;
}

/** The same object, which notes what is called. */
function noted(target, calls) {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (...given) => {
        calls.add(name);
        return value.apply(target, given);
      };
    },
  });
}

/**
 * Runs the script. `people` is a part of every address that nobody else has; `mail` finds the newest mail to an address.
 * Gives what each step gave or failed with, and the names of all calls.
 */
export async function everyCall({ Vouchsafe, isVouchsafeError }, options, people, mail) {
  const account = [];
  const calls = new Set();
  const describe = describer(people);
  /** Makes a call, and gives what it gave. */
  const does = async (what, call) => {
    const value = await call();
    account.push([what, describe(value)]);
    return value;
  };
  /** Makes a call that fails. */
  const fails = async (what, call) => {
    try {
      account.push([what, "did not fail", describe(await call())]);
    } catch (error) {
      if (!isVouchsafeError(error)) throw error;
      account.push([what, describe(error)]);
    }
  };
  /** Waits for events, each as its kind and id, in whatever order they come. */
  const listen = (who, session) => {
    const told = new Set();
    let look = () => {};
    const stops = ["invitation", "connection", "share", "updated", "read", "revoked", "card", "link"].map((kind) =>
      session.on(kind, (event) => {
        told.add(`${event.kind} ${event.id}`);
        look();
      }),
    );
    const hears = (...events) =>
      new Promise((resolve) => {
        look = () => events.every((event) => told.has(event)) && resolve();
        look();
      }).then(() => account.push([`${who} hears`, describe(events)]));
    return { hears, stop: () => stops.forEach((stop) => stop()) };
  };
  const address = (name) => `${name}.${people}@example.com`;
  const passphrase = "correct horse battery";

  await fails("open without services", () => Vouchsafe.open({}));
  await fails("open an address that is none", () => Vouchsafe.open({ ...options, vault: "nonsense" }));
  await fails("open with a time that is too short", () => Vouchsafe.open({ ...options, timeout: 5 }));
  for (const page of ["/cards", "https://app.example/#", "app.example"]) await fails("open with a page that is none", () => Vouchsafe.open({ ...options, invitationUrl: page }));
  await fails("open with an option that is none", () => Vouchsafe.open({ ...options, invitationURL: "" }));
  const app = noted(await Vouchsafe.open(options), calls);
  if (app.check) await does("check", () => app.check());
  await does("list what is kept", () => app.kept());
  await does("resume nothing", () => app.resume());

  await fails("sign up with a short passphrase", () => app.signUp({ email: address("alice"), passphrase: "seven77" }));
  await fails("sign up with no address", () => app.signUp({ email: "alice", passphrase }));
  await fails("sign up twice in one", () => app.signUp({ email: address("alice"), identityToken: "t", passphrase }));
  await fails("sign up without a passphrase", () => app.signUp({ email: address("alice") }));
  const person = async (name) => {
    const { session, recoveryKey } = await does(`${name} signs up`, () => app.signUp({ email: address(name), passphrase }));
    return { session: noted(session, calls), recoveryKey };
  };
  const { session: alice, recoveryKey: first } = await person("alice");
  const { session: bob } = await person("bob");
  const { session: carol } = await person("carol");
  const [atAlice, atBob] = [listen("alice", alice), listen("bob", bob)];
  await fails("sign up again", () => app.signUp({ email: address("alice"), passphrase }));
  await fails("sign in wrongly", () => app.signIn({ email: address("alice"), passphrase: "not the one" }));
  await fails("sign in as nobody", () => app.signIn({ email: address("nobody"), passphrase }));
  const second = noted(await does("sign in", () => app.signIn({ email: ` ${address("ALICE")} `, passphrase })), calls);

  const field = (name, value = "v") => ({ name, label: name.toUpperCase(), value });
  const scan = await does("upload a file", () => alice.addFile(new Blob(["a scan"]), { name: "scan.png", type: "image/png" }));
  const opened = await does("open it", () => alice.file(scan));
  await does("read it", async () => new TextDecoder().decode(await opened.bytes()));
  await does("read a piece of it", async () => new TextDecoder().decode(await opened.bytes({ start: 2, end: 4 })));
  await does("get it as a Blob", async () => [(await opened.blob()).type, (await opened.blob()).size]);
  await fails("read somebody else's file", async () => (await bob.file(scan)).bytes());
  await fails("open a file without a key", () => alice.file({ ...scan, key: "" }));
  await fails("upload a file without a name", () => alice.addFile(new Blob([])));
  await fails("upload a file with a name in two lines", () => alice.addFile(new Blob([]), { name: "scan\n.png" }));
  await fails("upload a file of no type", () => alice.addFile(new Blob([]), { name: "scan.png", type: "é" }));
  await fails("upload nothing", () => alice.addFile(undefined, { name: "scan.png" }));
  await fails("upload with an option that is none", () => alice.addFile(new Blob([]), { name: "scan.png", label: "" }));
  await fails("upload what was given up", () => alice.addFile(new Blob([]), { name: "scan.png", signal: AbortSignal.abort() }));
  await does("list the uploads that were cut", () => alice.pendingUploads());
  await fails("go on with an upload that is none", () => alice.resumeUpload(NOBODY, new Blob([])));
  await fails("give up an upload that is none", () => alice.discardUpload(NOBODY));
  const bank = await does("create a card", () => alice.createCard({ label: "Bank", fields: [field("iban", "IS14"), field("pin", "")] }));
  await does("create another", () => alice.createCard({ label: "Wi-Fi 🦊", fields: [] }));
  for (const [what, card] of [
    ["no label", { label: " ", fields: [] }],
    ["a label in two lines", { label: "a\nb", fields: [] }],
    ["a long label", { label: "é".repeat(501), fields: [] }],
    ["two fields of a name", { label: "L", fields: [field("a"), field("a")] }],
    ["a field without a name", { label: "L", fields: [field("")] }],
    ["a field that is no text", { label: "L", fields: [{ name: "a", label: "A", value: 1 }] }],
    ["too many fields", { label: "L", fields: Array.from({ length: 1001 }, (_, index) => field(`f${index}`)) }],
    ["an empty kind", { label: "L", kind: "", fields: [] }],
    ["a kind that is no text", { label: "L", kind: 1, fields: [] }],
    ["data that JSON has not", { label: "L", data: () => {}, fields: [] }],
    ["a label of hidden letters", { label: "L\u{e0068}\u{e0069}\u{e007f}", fields: [] }],
    ["data that JSON would change", { label: "L", data: { at: new Date(0) }, fields: [] }],
    ["data with half a letter", { label: "L", data: ["\ud83d"], fields: [] }],
    ["data without an end", { label: "L", data: (() => { const ring = {}; ring.ring = ring; return ring; })(), fields: [] }],
    ["too much data", { label: "L", data: "x".repeat(16 << 10), fields: [] }],
    ["a member that is none", { label: "L", fields: [], colour: "red" }],
    ["a field with such a member", { label: "L", fields: [{ ...field("a"), secret: true }] }],
    ["too much in it", { label: "L", fields: [field("a", "x".repeat(1 << 20))] }],
  ]) {
    await fails(`create a card with ${what}`, () => alice.createCard(card));
  }
  await does("read a card", () => alice.card(bank.id));
  const login = await does("create a card with kind and data", () => alice.createCard({ label: "Login", kind: "login", data: { icon: "key", order: 1.5, tags: [null] }, fields: [] }));
  const left = await does("update it without these", () => alice.updateCard({ id: login.id, version: 1, label: "1\ufe0f\u20e3 \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", fields: [] }));
  await does("update it", () => alice.updateCard({ ...left, data: null }));
  await does("delete it", () => alice.deleteCard(login.id));
  await fails("update what is deleted without these", () => alice.updateCard({ id: login.id, version: 3, label: "L", fields: [] }));
  await fails("read no card", () => alice.card(NOBODY));
  await fails("read somebody else's card", () => bob.card(bank.id));
  await fails("read a card by no id", () => alice.card("bank"));
  const changed = await does("update a card", () => alice.updateCard({ ...bank, label: "My bank" }));
  await fails("update a card from an old version", () => alice.updateCard(bank));
  await fails("update a card that is not there", () => alice.updateCard({ ...bank, id: NOBODY }));
  await fails("update a card from no version", () => alice.updateCard({ ...bank, version: 0 }));
  const progress = [];
  await does("list the cards", () => alice.cards({ onProgress: ({ done, total }) => progress.push([done, total]) }));
  await does("hear how far", () => progress);
  const page = await does("list one card", () => alice.cards({ limit: 1 }));
  await does("list the next", () => alice.cards({ limit: 1, cursor: page.next }));
  await fails("list none", () => alice.cards({ limit: 0 }));
  for (const cursor of ["?", "AAAA"]) await fails("list from a cursor that is none", () => alice.cards({ cursor }));
  await fails("list fewer than none", () => alice.cards({ limit: -1 }));
  await fails("list with an option that is none", () => alice.cards({ offset: 1 }));
  await does("delete a card", () => alice.deleteCard(page.items[0].id));
  await does("delete it again", () => alice.deleteCard(page.items[0].id));
  await fails("delete no card", () => alice.deleteCard(NOBODY));
  await fails("update the deleted card", () => alice.updateCard({ ...page.items[0], label: "L" }));
  const line = ({ id, ...card }) => JSON.stringify({ type: "card", id, ...card });
  const own = { id: page.items[0].id.replace(/^./, (digit) => (digit === "0" ? "1" : "0")), label: "Taken along", fields: [field("a")] };
  const file = [line(own), line(changed), "", line({ ...own, label: " " }), "nonsense", JSON.stringify({ type: "connection" }), line({ ...own, id: "x" })].join("\n");
  await does("import cards", () => alice.importCards(file));
  await does("import them again", () => alice.importCards([file.slice(0, 20), file.slice(20)]));
  await does("import bytes", () => alice.importCards(new TextEncoder().encode(`\ufeff${line(own)}\r\n\r\n`)));
  await does("import an empty file", () => alice.importCards(""));
  await does("import what was deleted", () => alice.importCards(line(page.items[0])));
  await fails("import from later", () => alice.importCards(JSON.stringify({ type: "account", format: 2 })));
  await fails("import nothing", () => alice.importCards(7));
  await does("see what was imported", () => alice.card(own.id));
  const controller = new AbortController();
  const aborted = alice.createCard({ label: "L", fields: [] }, { signal: controller.signal });
  controller.abort("reason");
  await fails("abort a call", () => aborted);

  const day = 24 * 60 * 60 * 1000;
  await fails("invite without a name", () => alice.invite({ delivery: "link", name: " " }));
  await fails("invite with an invisible name", () => alice.invite({ delivery: "link", name: "B\u200bob" }));
  await fails("invite into the past", () => alice.invite({ delivery: "link", name: "Bob", expiresAt: Date.now() - 1 }));
  await fails("invite for too long", () => alice.invite({ delivery: "link", name: "Bob", expiresAt: Date.now() + 91 * day }));
  await fails("invite by pigeon", () => alice.invite({ delivery: "pigeon", name: "Bob" }));
  await fails("mail to no address", () => alice.invite({ delivery: "email", email: "bob", name: "Bob" }));
  const declined = await does("invite by link", () => alice.invite({ delivery: "link", name: "Bob" }));
  await does("look at an invitation", () => app.previewInvitation({ link: declined.link }));
  await does("look at one of another key", () => app.previewInvitation({ link: declined.link.replace(/\.[\w-]{43}\./, `.${"A".repeat(43)}.`) }));
  await fails("look at one that is not there", () => app.previewInvitation({ id: NOBODY, token: "A".repeat(22) }));
  await fails("look at half a link", () => app.previewInvitation({ link: declined.link.slice(0, -3) }));
  await fails("decline one's own", () => alice.declineInvitation({ link: declined.link }));
  await fails("accept without a name", () => bob.accept({ link: declined.link }, { name: "" }));
  await fails("accept half a link", () => bob.accept({ link: declined.link.slice(0, -3) }, { name: "Alice" }));
  await fails("decline with a wrong token", () => bob.declineInvitation({ id: declined.id, token: "A".repeat(22) }));
  await fails("accept with no token", () => bob.accept({ id: declined.id, token: "A" }, { name: "Alice" }));
  const forged = declined.link.replace(/\.[\w-]{43}\./, `.${"A".repeat(43)}.`);
  await fails("accept a link to another key", () => bob.accept({ link: forged }, { name: "Alice" }));
  await does("decline", () => bob.declineInvitation({ link: declined.link }));
  await does("look at the declined", () => app.previewInvitation({ link: declined.link }));
  await does("decline again", () => bob.declineInvitation({ link: declined.link }));
  await fails("accept the declined", () => bob.accept({ link: declined.link }, { name: "Alice" }));
  const cancelled = await does("invite again", () => alice.invite({ delivery: "link", name: "Bob", expiresAt: new Date(Date.now() + day) }));
  await does("cancel", () => alice.cancelInvitation(cancelled.id));
  await does("cancel again", () => alice.cancelInvitation(cancelled.id));
  await fails("cancel nothing", () => alice.cancelInvitation(NOBODY));
  await fails("decline the cancelled", () => bob.declineInvitation({ link: cancelled.link }));
  await atAlice.hears(`invitation ${declined.id}`, `invitation ${cancelled.id}`);
  atAlice.stop();

  const { id: byLink, link } = await does("invite a third time", () => alice.invite({ delivery: "link", name: "Bob" }));
  await does("list the invitations", () => alice.invitations());
  await does("accept", () => bob.accept({ link }, { name: "Alice" }));
  await does("accept again", () => bob.accept({ link }, { name: "Alice" }));
  await fails("accept what was accepted", () => carol.accept({ link }, { name: "Alice" }));
  await fails("decline what was accepted", () => carol.declineInvitation({ link }));
  const { safetyNumber } = await does("see the connection", () => alice.connection(byLink));
  await fails("cancel what was accepted", () => alice.cancelInvitation(byLink));
  await fails("see somebody else's connection", () => carol.connection(byLink));
  const next = (digit) => String((Number(digit) + 1) % 10);
  await fails("compare a mistyped number", () => bob.markVerified(byLink, safetyNumber.replace(/^\d/, next)));
  await fails("compare another number", () => bob.markVerified(byLink, safetyNumber.replace(/\d/g, next)));
  await does("compare the number", () => bob.markVerified(byLink, safetyNumber.replaceAll(" ", "-")));

  await fails("mail in no language", () => alice.invite({ delivery: "email", email: address("bob"), name: "Bob", language: "?" }));
  const { id: byMail } = await does("invite by mail", () => alice.invite({ delivery: "email", email: address("bob"), name: "Bob again", language: "de-at" }));
  await does("tell links apart", async () => [
    ...[link, { href: link }, ` ${link} `, (await mail(address("bob"))).link, link.slice(0, -1), `${link.slice(0, -70)}.s.x`].map((one) => app.readLink(one)),
    app.readLink("https://app.example/cards#top"),
  ]);
  await does("tell apart what programs made of links", () => [link.replace("=", "%3D"), link.toUpperCase(), link.replace("#", "?")].map((one) => app.readLink(one)?.kind));
  await does("look at such a link", () => app.previewInvitation({ link: link.replace("=", "%3D") }));
  await fails("tell apart what is no link", async () => app.readLink(7));
  await does("look at a mailed one", async () => app.previewInvitation({ link: (await mail(address("bob"))).link }));
  await does("accept the mail", async () => bob.accept({ link: (await mail(address("bob"))).link }, { name: "Alice again" }));
  await does("list the connections", () => alice.connections());
  await does("rename a person", () => bob.renameConnection(byMail, "Al"));
  await does("rename them to the same", () => bob.renameConnection(byMail, "Al"));
  await fails("rename to nothing", () => bob.renameConnection(byMail, " "));
  await fails("rename nobody", () => bob.renameConnection(NOBODY, "Al"));
  await fails("rename somebody else's", () => carol.renameConnection(byMail, "Al"));
  await does("list the other side's", () => bob.connections({ limit: 1 }));
  await atBob.hears(`connection ${byLink}`, `connection ${byMail}`);

  const offer = { card: changed.id, connection: byMail, fields: ["iban"] };
  await fails("share with somebody unverified", () => alice.share(offer));
  await fails("share no field", () => alice.share({ ...offer, connection: byLink, fields: [] }));
  await fails("share a field that is not there", () => alice.share({ ...offer, connection: byLink, fields: ["bic"] }));
  await fails("share a field twice", () => alice.share({ ...offer, connection: byLink, fields: ["iban", "iban"] }));
  await fails("share no card", () => alice.share({ ...offer, card: NOBODY }));
  await fails("share with nobody", () => alice.share({ ...offer, connection: NOBODY }));
  await fails("share into the past", () => alice.share({ ...offer, expiresAt: 1 }));
  await fails("share with a misspelt option", () => alice.share({ ...offer, expireAt: Date.now() + day }));
  await does("share with somebody unverified all the same", () => alice.share({ ...offer, acceptUnverified: true }));
  await does("verify", () => alice.markVerified(byMail, safetyNumber));
  const share = await does("share", () => alice.share({ ...offer, expiresAt: Date.now() + day }));
  const many = await does("share with many", () => alice.shareWithMany({ card: changed.id, connections: [byLink, NOBODY] }));
  await fails("share with one twice", () => alice.shareWithMany({ card: changed.id, connections: [byLink, byLink] }));
  await fails("share with none", () => alice.shareWithMany({ card: changed.id, connections: [] }));
  await fails("share in a way that is none", () => alice.share({ ...offer, live: "yes" }));
  await does("share again", () => alice.share({ ...offer, expiresAt: share.expiresAt }));
  await does("share without a change to come", () => alice.share({ ...offer, live: false }));
  await does("list what went out", () => alice.outgoingShares({ connection: byLink }));
  await does("list what came in", () => bob.incomingShares({ limit: 2 }));
  await does("read", () => bob.readShare(share.id));
  await does("read one's own", () => alice.readShare(share.id));
  await does("read some", () => bob.readShares([many[0].share.id, NOBODY]));
  await fails("read none", () => bob.readShares([]));
  await fails("read somebody else's", () => carol.readShare(share.id));
  await atBob.hears(`share ${share.id}`);
  const listed = await does("list the shares of a card", () => alice.sharesOf(changed.id));
  await does("list one of them", () => alice.sharesOf(changed.id, { limit: 1 }));
  await does("list the shares of no card", () => alice.sharesOf(NOBODY));
  await fails("list the shares of no id", () => alice.sharesOf("bank"));
  await does("see how many", () => alice.card(changed.id));
  const newer = await does("update the shared card", () => alice.updateCard({ ...changed, label: "Our bank", fields: [field("iban", "IS15"), field("bic", "X")] }));
  await atBob.hears(`updated ${many[0].share.id}`, `updated ${share.id}`);
  await does("read what was updated", () => bob.readShares(listed.items.map(({ id }) => id)));
  await does("list them again", () => alice.sharesOf(changed.id));
  await does("update what nobody sees", () => alice.updateCard({ ...newer, fields: [field("iban", "IS15"), field("bic", "Y")] }));
  await does("read the same edition", () => bob.readShare(share.id));
  await fails("delete the shared card", () => alice.deleteCard(changed.id));
  await fails("delete it with a wish that is none", () => alice.deleteCard(changed.id, { shares: "burn" }));
  const lent = await does("create a third card", () => alice.createCard({ label: "Lent", fields: [field("a")] }));
  const lending = await does("share it", () => alice.share({ card: lent.id, connection: byLink }));
  await does("delete it and its shares", () => alice.deleteCard(lent.id, { shares: "revoke" }));
  await fails("read what went with it", () => bob.readShare(lending.id));
  const quiet = await Vouchsafe.open({ ...options, receipts: true });
  const reader = await quiet.signIn({ email: address("bob"), passphrase });
  const atReceipts = listen("alice", alice);
  await reader.readShare(share.id);
  await atReceipts.hears(`read ${share.id}`);
  atReceipts.stop();
  await does("see what was read", () => alice.sharesOf(changed.id));
  await does("take an older one", () => bob.acceptOlder(share.id));
  await fails("take an older one of nothing", () => bob.acceptOlder(NOBODY));
  await fails("revoke as the recipient", () => bob.revokeShare(share.id));
  await does("revoke", () => alice.revokeShare(share.id));
  await does("revoke again", () => alice.revokeShare(share.id));
  await fails("revoke nothing", () => alice.revokeShare(NOBODY));
  await fails("read what was revoked", () => bob.readShare(share.id));
  await atBob.hears(`revoked ${share.id}`);
  atBob.stop();

  const both = [field("number"), field("country")];
  for (const [what, files] of [
    ["a file that is not there", [{ ...scan, id: NOBODY }]],
    ["a file twice", [scan, scan]],
    ["a file with no id", [{ ...scan, id: "scan" }]],
    ["a file without a name", [{ ...scan, name: " " }]],
    ["a file of no type", [{ ...scan, type: "é" }]],
    ["a file that is too large", [{ ...scan, size: 5 * 2 ** 30 + 1 }]],
    ["a file without a key", [{ ...scan, key: "" }]],
    ["a file without a digest", [{ ...scan, digest: scan.digest.slice(1) }]],
    ["a file with a member that is none", [{ ...scan, secret: true }]],
    ["too many files", Array.from({ length: 101 }, () => scan)],
  ]) {
    await fails(`create a card with ${what}`, () => alice.createCard({ label: "Passport", fields: both, files }));
  }
  await fails("create a card with somebody else's file", () => bob.createCard({ label: "Passport", fields: [], files: [scan] }));
  const other = await alice.addFile(new Uint8Array(5), { name: "other" });
  const passport = await does("create a card with files", () => alice.createCard({ label: "Passport", fields: both, files: [scan, other] }));
  const bytesOf = async (who, ref) => new TextDecoder().decode(await (await who.file(ref)).bytes());
  const offered = { card: passport.id, connection: byLink };
  await fails("share no file", () => alice.share({ ...offered, fields: [], files: [] }));
  await fails("share a file that is not there", () => alice.share({ ...offered, files: [NOBODY] }));
  await fails("share a file twice", () => alice.share({ ...offered, files: [scan.id, scan.id] }));
  await fails("share a file by no id", () => alice.share({ ...offered, files: ["scan"] }));
  const given = await does("share a card with its files", () => alice.share(offered));
  await does("read it with its files", () => bob.readShare(given.id));
  await does("read the file of the share", () => bytesOf(bob, scan));
  await fails("read it as somebody else", () => bytesOf(carol, scan));
  await does("share its fields alone", () => alice.share({ ...offered, fields: ["number"] }));
  await does("read that", () => bob.readShare(given.id));
  await fails("read the file that is not shared any more", () => bytesOf(bob, scan));
  await does("share a file alone", () => alice.share({ ...offered, fields: [], files: [scan.id] }));
  await does("read that alone", () => bob.readShare(given.id));
  await does("read its file", () => bytesOf(bob, scan));
  await does("share all fields and no file", () => alice.share({ ...offered, files: [] }));
  await does("see the choice", () => alice.sharesOf(passport.id));
  await does("share all again", () => alice.share(offered));
  const fewer = await does("update it without naming its files", () => alice.updateCard({ id: passport.id, version: passport.version, label: "Pass", fields: both }));
  await does("take a file away", () => alice.updateCard({ ...fewer, files: [scan] }));
  await does("read what is left", () => bob.readShare(given.id));
  await fails("read the file that was taken away", () => bytesOf(bob, other));
  const shown = { card: passport.id, expiresAt: Date.now() + day, name: "Alice" };
  await fails("make a link with a file that is not there", () => alice.shareByLink({ ...shown, files: [other.id] }));
  const seen = await does("make a link with a file", () => alice.shareByLink({ ...shown, fields: ["number"], files: [scan.id] }));
  const view = await does("open it", () => app.openLink(seen.link));
  await does("read the file of the link", () => bytesOf(view, view.card.files[0]));
  await does("see that it was no read", async () => (await alice.linkShares()).items.map(({ reads }) => reads));
  await alice.revokeLink(seen.id);
  await fails("read the file of a link that was revoked", () => bytesOf(view, scan));
  const strange = JSON.stringify({ type: "card", id: passport.id, label: "Strange", fields: [], files: [scan] });
  await does("import a card with somebody else's files", () => carol.importCards(strange));
  await does("see it without them", () => carol.card(passport.id));
  await does("delete it with its shares", () => alice.deleteCard(passport.id, { shares: "revoke" }));
  await fails("read the file of what was deleted", () => bytesOf(bob, scan));

  await does("look at the address", () => carol.emailStatus());
  await does("have a code sent", () => carol.sendEmailCode({ language: "fr" }));
  await fails("confirm with half a code", () => carol.confirmEmail("1234"));
  await fails("confirm with a wrong code", () => carol.confirmEmail("0000 0000"));
  await does("confirm", async () => carol.confirmEmail((await mail(address("carol"))).code));
  await does("look at the address again", () => carol.emailStatus());

  const states = [];
  for (const kind of ["locked", "unlocked", "ended"]) carol.on(kind, (event) => states.push(event));
  carol.lockAfter(60_000);
  carol.lockAfter(null);
  await fails("lock after no time", async () => carol.lockAfter(0));
  await fails("listen to nothing", async () => carol.on([], () => {}));
  await fails("listen to the weather", async () => carol.on("weather", () => {}));
  await does("lock", () => carol.lock());
  await fails("list while locked", () => carol.cards());
  await fails("listen while locked", async () => carol.on("share", () => {}));
  await fails("unlock wrongly", () => carol.unlock({ passphrase: "not the one" }));
  await does("unlock", () => carol.unlock({ passphrase }));
  await fails("unlock with a token", () => carol.unlock({ passphrase, identityToken: "t" }));

  await fails("change the passphrase wrongly", () => alice.changePassphrase({ passphrase: "wrong one", newPassphrase: "another one" }));
  await fails("change it to a short one", () => alice.changePassphrase({ passphrase, newPassphrase: "seven77" }));
  await does("change it", () => alice.changePassphrase({ passphrase, newPassphrase: "another horse" }));
  await fails("go on elsewhere", () => second.cards());
  const key = await does("make a recovery key", () => alice.makeRecoveryKey({ passphrase: "another horse" }));
  const typo = key.replace(/.$/, (letter) => (letter === "Z" ? "Y" : "Z"));
  const lost = { email: address("alice"), passphrase: "a third horse" };
  await fails("recover with a typing error", () => app.recover({ ...lost, recoveryKey: typo }));
  await fails("recover with the first key", () => app.recover({ ...lost, recoveryKey: first }));
  const recovered = await does("recover", () => app.recover({ ...lost, recoveryKey: key.toLowerCase().replaceAll("-", " ") }));
  await fails("go on with the session of before", () => alice.cards());
  const anna = noted(recovered.session, calls);
  await does("find the cards again", () => anna.cards());

  const exported = [];
  for await (const one of noted(bob, calls).exportAccount()) exported.push(JSON.parse(one));
  await does("export", () => exported.map(({ exportedAt, ...record }) => record));
  const end = Date.now() + day;
  const note = await does("write a card for a link", () => anna.createCard({ label: "Note", fields: [field("one"), field("two")] }));
  const asLink = { card: note.id, expiresAt: end, name: "Anna" };
  for (const [what, wrong] of [
    ["no end", { expiresAt: undefined }],
    ["an end in the past", { expiresAt: 5 }],
    ["an end too far away", { expiresAt: Date.now() + 91 * day }],
    ["no reads", { maxReads: 0 }],
    ["half a read", { maxReads: 0.5 }],
    ["no name", { name: " " }],
    ["an empty passphrase", { passphrase: "" }],
    ["no fields", { fields: [] }],
    ["a field that is not there", { fields: ["three"] }],
    ["a field twice", { fields: ["one", "two", "one"] }],
    ["a card that is no id", { card: "note" }],
    ["fewer reads than none", { maxReads: -1 }],
    ["a card that is not there", { card: NOBODY }],
    ["a misspelt option", { maxRead: 1 }],
  ]) {
    await fails(`make a link with ${what}`, () => anna.shareByLink({ ...asLink, ...wrong }));
  }
  const plain = await does("make a link", () => anna.shareByLink(asLink));
  await does("read a link to a card", () => app.readLink({ href: plain.link }));
  await does("read half of it", () => app.readLink(plain.link.slice(0, -1)));
  const secret = await does("make another", () => anna.shareByLink({ ...asLink, fields: ["two"], live: false, maxReads: 1, passphrase: "cafe\u0301", name: "A." }));
  await does("open a link", () => app.openLink(plain.link));
  await fails("open without the passphrase", () => app.openLink(secret.link));
  await fails("open with another", () => app.openLink(secret.link, { passphrase: "cafe" }));
  await does("open with the passphrase", () => app.openLink(`see ${secret.link}`, { passphrase: "caf\u00e9" }));
  await fails("open once too often", () => app.openLink(secret.link, { passphrase: "caf\u00e9" }));
  await fails("open half a link", () => app.openLink(plain.link.slice(0, -1)));
  await fails("open an invitation", () => app.openLink(link));
  await fails("open with an option that is none", () => app.openLink(plain.link, { pin: 1 }));
  await fails("accept a link to a card", () => anna.accept({ link: plain.link }, { name: "Anna" }));
  const renewed = await does("update the card of links", () => anna.updateCard({ ...note, label: "Renewed" }));
  await does("open the newer edition", () => app.openLink(plain.link));
  await does("list the links", () => anna.linkShares());
  await fails("delete a card with links", () => anna.deleteCard(renewed.id));
  await does("revoke a link", () => anna.revokeLink(plain.id));
  await does("revoke it again", () => anna.revokeLink(plain.id));
  await fails("open a revoked link", () => app.openLink(plain.link));
  await fails("revoke no link", () => anna.revokeLink(NOBODY));
  await does("delete a card and its links", () => anna.deleteCard(renewed.id, { shares: "revoke" }));
  await does("list no links", () => anna.linkShares());

  await does("disconnect", () => anna.disconnect(byLink));
  await does("disconnect again", () => anna.disconnect(byLink));
  await fails("disconnect nobody", () => anna.disconnect(NOBODY));
  await does("see the end", () => bob.connection(byLink));
  await fails("accept again after the end", () => bob.accept({ link }, { name: "Alice" }));
  await fails("share after the end", () => anna.share({ card: changed.id, connection: byLink }));
  await fails("verify after the end", () => bob.markVerified(byLink, safetyNumber));
  await fails("read after the end", () => bob.readShare(many[0].share.id));
  await does("delete the account", () => bob.deleteAccount({ passphrase }));
  await fails("go on without an account", () => bob.cards());
  await does("see the other end", () => anna.connection(byMail));

  await does("sign out", () => carol.signOut());
  await fails("go on after the sign-out", () => carol.cards());
  await does("hear of oneself", () => states);
  if (Symbol.asyncDispose) {
    await anna[Symbol.asyncDispose]();
    await fails("go on after the disposal", () => anna.cards());
  }
  return { account, calls };
}
