// The other answers to an invitation, and invitations that are no longer good.

import assert from "node:assert/strict";
import { test } from "./sample.mjs";
import { twoPeople, useBrowser } from "./support.mjs";

const device = useBrowser();

test("declining is told to the inviter and cannot be taken back", async (t) => {
  const { alice, bob } = await twoPeople(await device(t));
  const link = await alice.inviteByLink(bob);
  await bob.openLink(link);
  await bob.page.getByRole("button", { name: "Decline", exact: true }).click();
  await bob.sees(bob.news("You declined the invitation."));
  await bob.seesNo(bob.heading("You are invited"));
  await alice.sees(alice.news("Bob declined your invitation."));
  await alice.sees(alice.row("Your invitations", "Bob").filter({ hasText: "Declined" }));

  await bob.openLink(link);
  await bob.tryAccept(alice);
  assert.match(await bob.problem(), /This invitation was declined/);
  assert.equal(await bob.rows("Connections").count(), 0);
});

test("a cancelled invitation is no longer good", async (t) => {
  const { alice, bob } = await twoPeople(await device(t));
  const link = await alice.inviteByLink(bob);
  await alice.pressAndConfirm("Cancel the invitation of Bob", "Cancel the invitation");
  await alice.unfold("Earlier invitations");
  await alice.sees(alice.row("Earlier invitations", "Bob").filter({ hasText: "Cancelled" }));

  await bob.openLink(link);
  await bob.tryAccept(alice);
  assert.match(await bob.problem(), /This invitation was cancelled/);
  assert.equal(await alice.rows("Connections").count(), 0);
});

test("an invitation works once, and tells the second person to be wary", async (t) => {
  const opened = await device(t);
  const { alice, bob } = await twoPeople(opened);
  const link = await alice.inviteByLink(bob);
  await bob.openLink(link);
  await bob.accept(alice);

  const eve = await opened.person("Eve");
  await eve.signUp();
  await eve.openLink(link);
  await eve.tryAccept(alice);
  assert.match(await eve.problem(), /used already\. If that was not you, somebody else may have opened the link/);
  assert.equal(await eve.rows("Connections").count(), 0);
  assert.equal(await alice.rows("Connections").count(), 1);
});

test("nobody accepts their own invitation", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.openLink(await alice.inviteByLink({ name: "Bob" }));
  await alice.tryAccept({ name: "Myself" });
  assert.match(await alice.problem(), /this invitation is your own/);
  assert.equal(await alice.rows("Connections").count(), 0);
  await alice.sees(alice.row("Your invitations", "Bob").filter({ hasText: "Waiting" }));
});

test("a broken link is told, and can be put away", async (t) => {
  const { person } = await device(t);
  const alice = await person("Alice");
  await alice.signUp();
  await alice.openLink(`${alice.page.url()}#vouchsafe=1.l.broken`);
  await alice.tryAccept({ name: "Somebody" });
  assert.match(await alice.problem(), /copy the whole link/);
  await alice.button("Not now").click();
  await alice.seesNo(alice.heading("You are invited"));
});
