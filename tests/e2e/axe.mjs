// axe in a page, as it is served: under its own policy, in the state in which it is.

import assert from "node:assert/strict";
import axe from "axe-core";

/** Fails with every fault that axe finds in `page`, frames and hidden panels left aside. */
export async function assertAccessible(page, where) {
  // An element that fades in lacks contrast: with less motion it is there at once.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  await page.emulateMedia({ reducedMotion: null });
  assert.ok(passes.length > 10, `${where}: axe looked at next to nothing`);
  const place = ({ target, failureSummary }) => `    ${target.join(" ")} – ${failureSummary.replaceAll("\n", " ")}`;
  const told = violations.map(({ id, help, nodes }) => [`${id}: ${help}`, ...nodes.map(place)].join("\n"));
  assert.deepEqual(told, [], `${where} in ${page.url()}`);
}
