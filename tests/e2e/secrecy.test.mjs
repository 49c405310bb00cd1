// Secrets do not leave the tab, and nobody but the two people gets anything.

import assert from "node:assert/strict";
import { test as always } from "node:test";
import { test } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

/** The ways in which `text` could hide in a request: as it is, escaped, and in hexadecimal or base64 at any offset. */
function disguises(text) {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
    // The first and the last characters mix with the neighbours.
    const middle = encoded.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + bytes.length) * 4) / 3));
    return [middle, middle.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return [text, encodeURIComponent(text), encodeURIComponent(text).replaceAll("%20", "+"), bytes.toString("hex"), ...base64];
}

/** All that a tab sent: addresses, headers and bodies. */
async function everythingSent(requests) {
  const parts = await Promise.all(
    requests.map(async (request) => {
      const headers = await request.allHeaders().catch(() => request.headers());
      return `${request.method()} ${request.url()}\n${JSON.stringify(headers)}\n${request.postDataBuffer()?.toString("latin1") ?? ""}`;
    }),
  );
  return parts.join("\n\n");
}

const isSent = (sent, text) => disguises(text).some((disguise) => sent.includes(disguise));

always("the search finds a text in every disguise", () => {
  const text = "X99 4411 802 and more";
  for (const prefix of ["", "a", "ab"]) {
    assert.ok(isSent(Buffer.from(`${prefix}${text}!`).toString("base64"), text));
    assert.ok(isSent(Buffer.from(`${prefix}${text}!`).toString("base64url"), text));
  }
  assert.ok(isSent(`?q=${encodeURIComponent(text)}`, text));
  assert.ok(isSent(`?${new URLSearchParams({ text })}`, text));
  assert.ok(!isSent("something else", text));
});

always("no secret is in anything that the tabs send", async (t) => {
  const opened = await device(t);
  const { alice, bob } = await twoConnected(opened);
  await alice.createCard("Very private title", { "Secret field": "the value that nobody sees" });
  await alice.share("Very private title", bob);
  await bob.read(alice, "Very private title");
  await alice.seesRead(bob);
  await alice.page.getByRole("button", { name: "Lock", exact: true }).click();
  await alice.field("Passphrase").fill(alice.passphrase);
  await alice.button("Unlock").click();
  await alice.sees(alice.row("Your cards", "the value that nobody sees"));

  const bodies = opened.requests.filter((request) => request.postDataBuffer() !== null);
  const sent = await everythingSent(opened.requests);
  assert.ok(bodies.length >= 15, `${bodies.length} bodies were recorded: too few for what was done`);

  for (const person of [alice, bob]) {
    assert.ok(person.recoveryKey.length > 60);
    assert.ok(!isSent(sent, person.passphrase), "a passphrase was sent");
    assert.ok(!isSent(sent, person.recoveryKey), "a recovery key was sent");
    assert.ok(!isSent(sent, person.recoveryKey.replace(/[^0-9A-Z]/gi, "")), "a recovery key was sent");
  }
  for (const text of ["Very private title", "Secret field", "the value that nobody sees"]) {
    assert.ok(!isSent(sent, text), `“${text}” was sent`);
  }
});

test("a third person sees nothing of what two people share", async (t) => {
  const opened = await device(t);
  const { alice, bob } = await twoConnected(opened);
  await alice.createCard("Between us", { Word: "marzipan" });
  await alice.share("Between us", bob);
  await bob.read(alice, "Between us");

  const elsewhere = await device(t);
  const eve = await elsewhere.person("Eve");
  await eve.signUp();
  await eve.sees(eve.page.getByText("Nobody has shared anything with you yet."));
  await eve.sees(eve.page.getByText("Nobody yet. Invite somebody, or open an invitation."));
  await eve.sees(eve.page.getByText("No cards yet."));
  await eve.sees(eve.page.getByText("You share nothing."));
  assert.equal(await eve.page.getByText("marzipan").count(), 0);
});
