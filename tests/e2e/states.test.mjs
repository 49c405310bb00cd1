// States that nobody looks for: no network, an invitation that ran out, one person twice, names and cards of every size.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { assertAccessible } from "./axe.mjs";
import { holdPort } from "./port.mjs";
import { startProxy } from "./proxy.mjs";
import { test, thorough } from "./sample.mjs";
import { twoConnected, useBrowser } from "./support.mjs";

const device = useBrowser();

/** Runs one of the functions below with a session of this person besides the page's own, as another device would have one. */
function elsewhere(person, work, argument) {
  return person.page.evaluate(
    async ({ email, passphrase, source, argument }) => {
      const { Vouchsafe } = await import("/vouchsafe/index.js");
      const app = await Vouchsafe.open({ vault: `${location.origin}/vault`, keystore: `${location.origin}/keystore` });
      const session = await app.signIn({ email, passphrase });
      try {
        return await window.elsewhere[source](session, argument);
      } finally {
        await session.signOut();
      }
    },
    { email: person.email, passphrase: person.passphrase, source: work, argument },
  );
}

const bring = (context) =>
  context.addInitScript(() => {
    window.elsewhere = {
      shortInvitation: (session, span) => session.invite({ delivery: "link", name: "Late", expiresAt: Date.now() + span }),
      async manyCards(session, count) {
        for (let made = 0; made < count; made += 25) {
          const batch = Array.from({ length: Math.min(25, count - made) }, (_, index) => ({
            label: `Card ${String(made + index).padStart(3, "0")}`,
            fields: [{ name: "number", label: "Number", value: `VS ${made + index}` }],
          }));
          await Promise.all(batch.map((card) => session.createCard(card)));
        }
      },
      async manyShares(session, count) {
        const { items: [connection] } = await session.connections();
        const { items: [card] } = await session.cards();
        for (let made = 0; made < count; made += 1) await session.share({ card: card.id, connection: connection.id, live: false });
      },
      bigCard: (session, length) =>
        session.createCard({ label: "Big", fields: [{ name: "text", label: "Text", value: "0123456789".repeat(length / 10) }] }),
    };
  });

test("without a network the page says so, keeps what it shows, and goes on by itself", async (t) => {
  const opened = await device(t, { breaks: true });
  const alice = await opened.person("Alice");
  await alice.signUp();
  await alice.createCard("Bicycle", { Lock: "4402" });

  await opened.context.setOffline(true);
  const banner = alice.page.getByRole("status", { name: "State of the page" });
  await alice.sees(banner.getByText(/This device is offline/));
  await alice.sees(alice.row("Your cards", "4402"));
  await assertAccessible(alice.page, "offline");

  await opened.context.setOffline(false);
  await alice.seesNo(banner.getByText(/offline/));
  await alice.createCard("Skates", { Size: "42" });
});

test("what a list already showed when the event came is told all the same", async (t) => {
  const proxy = await startProxy(t);
  const bob = await (await device(t, { breaks: true, proxy: { server: proxy.url } })).person("Bob");
  const alice = await (await device(t)).person("Alice");
  await alice.signUp();
  await bob.signUp();
  await bob.openLink(await alice.inviteByLink(bob));
  await bob.accept(alice);
  await alice.createCard("Boat", { Berth: "12" });
  await alice.share("Boat", bob);
  await bob.sees(bob.news("Alice shared a card with you."));
  const dismiss = bob.button("Dismiss", bob.page.getByRole("status", { name: "News" }));
  while ((await dismiss.count()) > 0) await dismiss.first().click();

  proxy.close();
  await alice.pressAndConfirm("Revoke what you shared with Bob", /^Revoke$/);
  await bob.button("Refresh what is shared with you").click();
  await bob.sees(bob.page.getByText("Nobody has shared anything with you yet."));
  await alice.createCard("Car", { Plate: "AB 12" });
  await alice.share("Car", bob);
  await bob.button("Refresh what is shared with you").click();
  await bob.sees(bob.row("Shared with you", "From Alice"));
  assert.equal(await dismiss.count(), 0);

  proxy.open();
  await bob.sees(bob.news("Alice took back a card that was shared with you."), 60_000);
  await bob.sees(bob.news("Alice shared a card with you."));
});

/** A demo of the test's own, which it may end, and start again with what was stored. */
async function startDemo(data, port) {
  const { VOUCHSAFE_DEMO_SERVER: program, VOUCHSAFE_DEMO_PAGE: page } = process.env;
  assert.ok(program && page, "Run `cargo xtask test --only e2e`: it names the server and the page.");
  const child = spawn(program, ["--listen", `127.0.0.1:${port}`, "--data", data, "--page", page], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const [line] = await once(child.stdout, "data");
  const { 1: url } = /(http:\/\/\S+)/.exec(line);
  return {
    url: new URL("/", url).href,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

test("a server that is started again under open pages is told, and missed nothing", async (t) => {
  const data = await mkdtemp(path.join(tmpdir(), "vouchsafe-demo-"));
  const port = await holdPort(t);
  let server = await startDemo(data, port);
  t.after(async () => {
    await server.stop();
    await rm(data, { recursive: true });
  });
  const { alice, bob } = await twoConnected(await device(t, { breaks: true }), server.url);
  await alice.createCard("Passport", { Number: "X-1" });

  await server.stop();
  const banner = ({ page }) => page.getByRole("status", { name: "State of the page" }).getByText(/The servers cannot be reached/);
  await alice.sees(banner(alice));
  await bob.sees(banner(bob));
  await alice.sees(alice.row("Your cards", "X-1"));
  await assertAccessible(alice.page, "server away");

  server = await startDemo(data, port);
  await alice.seesNo(banner(alice));
  await bob.seesNo(banner(bob));
  await alice.share("Passport", bob);
  await bob.sees(bob.row("Shared with you", "From Alice"), 60_000);
});

test("an invitation that ran out says so on both sides", async (t) => {
  const opened = await device(t);
  await bring(opened.context);
  const alice = await opened.person("Alice");
  const bob = await opened.person("Bob");
  await alice.signUp();
  await bob.signUp();
  const { link } = await elsewhere(alice, "shortInvitation", 1_500);
  const expired = alice.row("Your invitations", "Late").filter({ hasText: "Expired" });
  const end = Date.now() + 180_000;
  do await alice.page.evaluate(() => window.dispatchEvent(new Event("focus")));
  while (!(await alice.sees(expired, 500).then(() => true, () => false)) && Date.now() < end);
  await alice.sees(alice.row("Your invitations", "Invite them again"));

  await bob.openLink(link);
  await bob.tryAccept(alice);
  assert.match(await bob.problem(), /This invitation has expired/);
  await assertAccessible(bob.page, "expired");
});

test("the same person in a second tab is told that it takes two", async (t) => {
  const opened = await device(t);
  const alice = await opened.person("Alice");
  await alice.signUp();
  const again = await opened.person("Alice");
  await again.signIn(alice);
  const told = ({ page }) => page.getByRole("status", { name: "State of the page" }).getByText(/You are this person in another tab/);
  await alice.sees(told(alice));
  await again.sees(told(again));
  await assertAccessible(again.page, "twins");
  await again.button("Sign out").click();
  await alice.seesNo(told(alice));
});

test("names and cards from right to left, and very long ones, stay in their places", async (t) => {
  const { alice, bob } = await twoConnected(await device(t, { viewport: { width: 360, height: 740 } }));
  const title = "بطاقة السفر";
  await alice.createCard(title, { "מספר": "X-4471 אבג", [`Reference ${"9".repeat(80)}`]: "ש".repeat(300) });
  const heading = alice.row("Your cards", title).getByRole("heading", { name: title, exact: true });
  assert.equal(await heading.evaluate((node) => getComputedStyle(node).direction), "rtl");
  await alice.share(title, bob);
  const article = await bob.read(alice, title);
  assert.match(await article.innerText(), /X-4471 אבג/);
  for (const { page } of [alice, bob]) {
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "nothing sticks out");
  }
  await assertAccessible(bob.page, "right to left");
});

test("hundreds of cards come on demand, and stay when the list is fetched again", async (t) => {
  const count = thorough ? 500 : 150;
  const opened = await device(t);
  await bring(opened.context);
  const alice = await opened.person("Alice");
  await alice.signUp();
  await elsewhere(alice, "manyCards", count);
  // What comes while somebody looks pushes nothing off the list: only who comes later has to ask for more.
  await alice.button("Sign out").click();
  await alice.signIn();
  const more = alice.button("Load more Your cards");
  for (let shown = 50; shown < count; shown += 50) {
    await alice.sees(alice.rows("Your cards").nth(shown - 1));
    await more.click();
  }
  await alice.sees(alice.rows("Your cards").nth(count - 1));
  await alice.seesNo(more);
  await alice.page.evaluate(() => (document.querySelector(".tile:first-child").dataset.kept = "yes"));
  await alice.createCard("One more", { Number: "501" });
  await alice.sees(alice.row("Your cards", "501"));
  assert.equal(await alice.rows("Your cards").count(), count + 1, "a new card pushes none off the list");
  assert.equal(await alice.page.locator("[data-kept]").count(), 1, "a row that did not change is not drawn anew");
});

test("what is open stays open when more is shared than a page of the list holds", async (t) => {
  const opened = await device(t);
  await bring(opened.context);
  const { alice, bob } = await twoConnected(opened);
  await alice.createCard("Boat", { Berth: "12" });
  await elsewhere(alice, "manyShares", 10);
  const rows = bob.rows("Shared with you");
  await bob.sees(rows.nth(9));
  await bob.button(/^Read/, rows.nth(9)).click();
  await bob.sees(bob.page.getByText("12", { exact: true }));

  await elsewhere(alice, "manyShares", 1);
  await bob.sees(rows.nth(10));
  await bob.sees(rows.nth(10).getByText("12", { exact: true }));
  assert.equal(await bob.page.getByText("No longer shared").count(), 0);
});

test("a card of a megabyte is shared and read, and shown in portions", async (t) => {
  const opened = await device(t);
  await bring(opened.context);
  const { alice, bob } = await twoConnected(opened);
  const length = 1_000_000;
  await elsewhere(alice, "bigCard", length);
  await alice.page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await alice.sees(alice.row("Your cards", "1,000,000 characters in all."));
  await alice.button("Edit Big").click();
  const dialog = alice.dialog("Edit Big");
  await alice.sees(dialog.getByText("The value has 1,000,000 characters and stays as it is."));
  await alice.field("Card title", dialog).fill("Big one");
  await alice.button("Save card", dialog).click();
  await alice.seesNo(dialog);
  await alice.share("Big one", bob);
  const article = await bob.read(alice, "Big one");
  const shown = () => article.locator("dd > span").evaluate((node) => node.textContent.length);
  const before = await shown();
  await bob.button("Show more", article).click();
  assert.ok(before < 1_000 && (await shown()) > before, "the value comes in portions");
  await bob.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await bob.button("Copy all", article).click();
  await bob.sees(bob.button("Copied", article));
  const copied = await bob.page.evaluate(async () => (await navigator.clipboard.readText()).length);
  assert.equal(copied, length, "all of it is copied");
});
