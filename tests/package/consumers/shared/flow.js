/**
 * The way from two new accounts to a card that was read, as an app goes it. Every consumer runs this.
 *
 * @param {typeof import("vouchsafe").Vouchsafe} Vouchsafe
 * @param {import("vouchsafe").OpenOptions} options
 */
export async function flow(Vouchsafe, options) {
  const app = await Vouchsafe.open({ invitationUrl: "https://app.example/", ...options });
  const person = async (name) => {
    const email = `${name}.${Math.random().toString(36).slice(2)}@example.com`;
    return (await app.signUp({ email, passphrase: `${name} likes long passphrases` })).session;
  };
  const alice = await person("alice");
  const bob = await person("bob");
  const fields = [{ name: "number", label: "Number", value: "X1234567" }];
  // Browsers encrypt files on secure pages only.
  const files = globalThis.crypto?.subtle ? [await alice.addFile(new Blob(["a scan"]), { name: "scan.txt", type: "text/plain" })] : [];
  const passport = await alice.createCard({ label: "Passport", fields, files });
  const { link } = await alice.invite({ delivery: "link", name: "Bob" });
  const connection = await bob.accept({ link }, { name: "Alice" });
  await alice.share({ card: passport.id, connection: connection.id });
  const { items } = await bob.incomingShares();
  const { card, from, trust } = await bob.readShare(items[0].id);
  const shared = `${from.name} (${trust}) shared ${card.label}: ${card.fields[0].value}`;
  if (card.files.length === 0) return shared;
  const bytes = await (await bob.file(card.files[0])).bytes();
  return `${shared}, with ${new TextDecoder().decode(bytes)}`;
}

/**
 * Runs the flow, or something shorter, and shows in the page how it ends. The page's address names the services.
 *
 * @param {typeof import("vouchsafe").Vouchsafe} Vouchsafe
 * @param {Record<string, unknown>} [options]
 * @param {typeof flow} [run]
 */
export async function show(Vouchsafe, options, run = flow) {
  const output = document.querySelector("output");
  const { vault, keystore } = Object.fromEntries(new URLSearchParams(location.search));
  try {
    output.textContent = await run(Vouchsafe, { vault, keystore, ...options });
  } catch (error) {
    output.textContent = `${error.name} ${error.code}: ${error.message}`;
  }
}
