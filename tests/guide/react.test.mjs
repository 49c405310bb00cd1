// examples/react, under React's strict mode, which mounts everything twice.

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dev, folderBeside, root, services, shell, test, useBrowser } from "./support.mjs";

const openTabs = useBrowser();

async function signUp(tab, email) {
  await tab.getByLabel("Email address").fill(email);
  await tab.getByLabel("Passphrase").fill("eight characters or more");
  await tab.getByRole("button", { name: "Sign up" }).click();
  await tab.getByText(/Write down your recovery key: [0-9A-Z-]{69}$/).waitFor();
}

test("react", "two tabs share a card in React", async (t) => {
  const folder = await folderBeside(".");
  const app = join(folder, "examples/react");
  const source = fileURLToPath(new URL("examples/react", root));
  await cp(source, app, { recursive: true, filter: (path) => !["node_modules", "dist"].includes(basename(path)) });
  await shell("npm install\nnpm run build", app);
  // The app's own tests. The times end tests that would hang, and decide nothing else.
  await shell("npm test -- --testTimeout=180000 --hookTimeout=180000", app);
  const { page } = await dev(t, app, { VITE_SERVICES: services });

  const open = await openTabs(t);
  const alice = await open(page);
  await signUp(alice, "anna@example.com");
  const write = async (form, value) => {
    await form.getByLabel("Title").fill("Wi-Fi");
    await form.getByLabel(/^Fields/).fill(`Network: Linden 12\nPassword: ${value}`);
  };
  await alice.getByText("New card").click();
  await write(alice, "open sesame");
  await alice.getByRole("button", { name: "Add card" }).click();
  await alice.getByText("open sesame").waitFor();
  await alice.getByLabel("Name", { exact: true }).fill("Ben");
  await alice.getByRole("button", { name: "Invite by link" }).click();
  const link = await alice.getByRole("link").getAttribute("href");

  const bob = await open(link);
  await bob.getByRole("heading", { name: "You are invited" }).waitFor();
  assert.equal(new URL(bob.url()).hash, "");
  await signUp(bob, "ben@example.com");
  await bob.getByLabel("Who invited you?").fill("Anna");
  await bob.getByRole("button", { name: "Accept" }).click();
  await bob.getByText("Anna (verified)").waitFor();
  await alice.getByText("Ben (verified)").waitFor();

  const looks = [];
  bob.on("request", (request) => {
    const route = request.headers()["vouchsafe-target"] ?? request.url();
    if (/\/shares\/incoming/.test(route) && request.method() !== "OPTIONS") looks.push(route);
  });
  await alice.getByText("Share Wi-Fi").click();
  await alice.getByLabel("Network").uncheck();
  await alice.getByRole("button", { name: "Share", exact: true }).click();
  await bob.getByText("open sesame").waitFor();
  await alice.getByText(/^Ben \(only Password\): read at \d/).waitFor();
  assert.equal(looks.length, 1, "one listener hears of a share, and the one of the first mounting is gone");

  // An edit is there at once, and nothing that was not chosen.
  await alice.getByRole("button", { name: "Edit Wi-Fi" }).click();
  await write(alice.getByRole("listitem").filter({ has: alice.getByRole("button", { name: "Save" }) }), "close sesame");
  await alice.getByRole("button", { name: "Save" }).click();
  await bob.getByText("close sesame").waitFor();
  assert.equal(await bob.getByText("open sesame").count(), 0);
  assert.equal(await bob.getByText("Linden 12").count(), 0);

  // A failure is shown and leaves what was entered.
  await bob.getByRole("button", { name: "Sign out" }).click();
  await bob.getByRole("heading", { name: "Family safe" }).waitFor();
  assert.equal(await bob.getByText("close sesame").count(), 0);
  await bob.getByLabel("Email address").fill("ben@example.com");
  await bob.getByLabel("Passphrase").fill("not the passphrase");
  await bob.getByRole("button", { name: "Sign in" }).click();
  await bob.getByRole("alert").waitFor();
  assert.equal(await bob.getByLabel("Email address").inputValue(), "ben@example.com");
  await bob.getByLabel("Passphrase").fill("eight characters or more");
  await bob.getByRole("button", { name: "Sign in" }).click();
  await bob.getByText("close sesame").waitFor();

  // What is taken back goes by itself.
  await alice.getByRole("button", { name: "Take back" }).click();
  await bob.getByText("close sesame").waitFor({ state: "detached" });
});
