// The pictures of the page in the README, from the page as it runs. No test: a command runs it.

import path from "node:path";
import { test } from "node:test";
import { still, useBrowser } from "./support.mjs";

const FOLDER = process.env.VOUCHSAFE_PICTURES;
const device = useBrowser();

for (const colorScheme of ["light", "dark"]) {
  test(`docs/page-${colorScheme}.png`, async (t) => {
    // A picture would catch moving things on their way.
    const opened = await device(t, { viewport: { width: 1440, height: 960 }, colorScheme, reducedMotion: "reduce" });
    const alice = await opened.person("Alice");
    alice.email = `alice@${colorScheme}.example`;
    await alice.signUp();
    for (let count = 0; count < 2; count += 1) {
      await alice.button("Add a sample card").click();
      await alice.sees(alice.rows("Your cards").nth(count));
    }
    const bob = await opened.person("Bob");
    bob.email = `bob@${colorScheme}.example`;
    await bob.openLink(await alice.inviteByLink(bob));
    await bob.signUp();
    await bob.accept(alice);
    await alice.seesTrust(bob, "Verified");
    await alice.share("Passport", bob);
    await alice.page.getByRole("tab", { name: "Share 7 of 7" }).waitFor();
    await alice.button("Hide the first steps").click();
    const dismiss = alice.button("Dismiss");
    while ((await dismiss.count()) > 0) await dismiss.first().click();
    await alice.page.mouse.move(0, 0);
    await alice.page.evaluate(() => {
      scrollTo(0, 0);
      document.activeElement.blur();
    });
    await still(alice.page);
    await alice.page.screenshot({ path: path.join(FOLDER, `page-${colorScheme}.png`) });
  });
}
