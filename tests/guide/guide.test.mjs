// docs/guide.md, word for word: the test runs its commands, writes its files, and looks for its promises on the page.

import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dev, folderBeside, root, services, shell, test, useBrowser } from "./support.mjs";

const openTabs = useBrowser();

/** The code blocks of a text, each with the paragraph before it. */
function codeBlocks(text) {
  const blocks = text.matchAll(/(?:^|\n)([^\n]+(?:\n[^\n]+)*)\n\n```(\w+)\n(.*?)```/gs);
  return [...blocks].map(([, before, language, code]) => ({ before, language, code }));
}

/** Does to a file of the app what the guide says. */
async function edit(app, { before, code }) {
  const [, verb, name] = /^(Replace|Add to) `([^`]+)`/.exec(before) ?? [];
  assert.ok(name, `What is to be done with this code? “${before}”`);
  const adapted = code.replaceAll("http://127.0.0.1:8787", services);
  await (verb === "Replace" ? writeFile : appendFile)(join(app, name), adapted);
}

/** Waits until the tab says what the guide promises, where `…` stands for anything. */
async function says(tab, promise) {
  const pattern = promise.code.trim().split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const line = tab.getByText(new RegExp(`^${pattern.join("\\S+")}$`));
  await line.waitFor();
  return line.innerText();
}

async function signUp(tab, email) {
  await tab.getByLabel("Email address").fill(email);
  await tab.getByLabel("Passphrase").fill("eight characters or more");
  await tab.getByRole("button", { name: "Sign up" }).click();
  await tab.getByText(new RegExp(`^${email}, write down your recovery key: [0-9A-Z-]{69}$`)).waitFor();
}

test("guide", "the guide leads from nothing to a shared card", async (t) => {
  const guide = await readFile(new URL("docs/guide.md", root), "utf8");
  const blocks = codeBlocks(guide);
  assert.equal(blocks.length, guide.match(/^```\w+$/gm).length, "a code block has no paragraph before it");
  const [checkout, commands, ...rest] = blocks;
  // Whoever started this test has done it.
  assert.deepEqual(checkout.code.split("\n"), ["cargo xtask package", "cargo xtask serve", ""]);

  const folder = await folderBeside("vouchsafe");
  const lines = commands.code.trim().split("\n");
  assert.equal(lines.pop(), "npm run dev");
  await shell(lines.join("\n"), folder);
  const app = join(folder, "shared-card");
  const first = await dev(t, app);
  const open = await openTabs(t);

  const isPromise = ({ language }) => language === "text";
  const [ready, hand, connected, accepted, shared, reads, receipt, changed, ...none] = rest.filter(isPromise);
  assert.deepEqual(none, []);
  for (const block of rest.slice(0, rest.indexOf(ready))) await edit(app, block);
  const fresh = await open(first.page);
  await says(fresh, ready);
  for (const block of rest.slice(rest.indexOf(ready))) if (!isPromise(block)) await edit(app, block);
  // A tab that Vite reloads because of an edit would forget who signed in.
  // One that stays open would ask again and again for the server that has ended.
  await fresh.close();
  await first.stop();
  const { page } = await dev(t, app);

  const entered = guide.slice(guide.indexOf("## 7.")).matchAll(/`([^`\n]+)`/g);
  const [aliceEmail, number, bobName, bobEmail, aliceName, newNumber] = [...entered].map(([, text]) => text);
  const alice = await open(page);
  await signUp(alice, aliceEmail);
  await alice.getByLabel("Your passport number").fill(number);
  await alice.getByLabel("Whom do you invite?").fill(bobName);
  await alice.getByRole("button", { name: "Invite" }).click();
  const [link] = /http\S+$/.exec(await says(alice, hand));

  const bob = await open(link);
  await signUp(bob, bobEmail);
  assert.equal(new URL(bob.url()).hash, "");
  await bob.getByLabel("Who invited you?").fill(aliceName);
  await bob.getByRole("button", { name: "Accept" }).click();
  await says(bob, connected);
  await says(alice, accepted);
  await alice.getByRole("button", { name: "Share the passport" }).click();
  await says(alice, shared);
  await says(bob, reads);
  await says(alice, receipt);
  await alice.getByLabel("New passport number").fill(newNumber);
  await alice.getByRole("button", { name: "Change it" }).click();
  await says(bob, changed);
});
