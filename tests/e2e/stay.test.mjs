// The example page that stays signed in, as it stands in examples/ and in the package's README.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "./sample.mjs";
import { DEMO_URL, useBrowser } from "./support.mjs";

const device = useBrowser();
const root = new URL("../../", import.meta.url);
const address = `${DEMO_URL}stay.html`;

test("the page of the example stays signed in, locked and signed out, over reloads and in a second tab", async (t) => {
  const example = await readFile(new URL("examples/stay.html", root), "utf8");
  const readme = await readFile(new URL("pkg-template/README.md", root), "utf8");
  assert.ok(readme.includes(`\`\`\`html\n${example}\`\`\``), "README.md and examples/stay.html differ");

  const { context } = await device(t);
  await context.route(address, (route) => route.fulfill({ body: example, contentType: "text/html" }));
  const email = `stay.${randomBytes(5).toString("hex")}@example.test`;
  const open = async () => {
    const page = await context.newPage();
    await page.goto(address);
    return page;
  };
  const says = (page, text) => page.getByRole("status").getByText(text, { exact: true }).waitFor({ timeout: 60_000 });
  const enter = async (page, fields) => {
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label).fill(value);
    await page.getByRole("button", { name: "Sign in" }).click();
  };

  const first = await open();
  await says(first, "Nobody is signed in.");
  await enter(first, { "Email address": email, Passphrase: "correct horse battery" });
  await says(first, `Welcome, ${email}.`);

  await first.reload();
  await says(first, `Welcome, ${email}.`);
  const second = await open();
  await says(second, `Welcome, ${email}.`);

  await second.getByRole("button", { name: "Lock" }).click();
  await says(second, `${email} is locked.`);
  await says(first, `${email} is locked.`);
  await first.reload();
  await says(first, `${email} is locked.`);
  await enter(first, { Passphrase: "correct horse battery" });
  await says(first, `Welcome, ${email}.`);
  await says(second, `Welcome, ${email}.`);

  await second.getByRole("button", { name: "Sign out" }).click();
  await says(second, "Nobody is signed in.");
  await says(first, "Nobody is signed in.");
  await first.reload();
  await says(first, "Nobody is signed in.");
});
