// axe in a page, as it is served: under its own policy, in the state in which it is.

import assert from "node:assert/strict";
import axe from "axe-core";

/** Fails with every fault that axe finds in `page`, frames and hidden panels left aside. */
export async function assertAccessible(page, where) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  assert.ok(passes.length > 10, `${where}: axe looked at next to nothing`);
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ target, failureSummary }) => `    ${target.join(" ")} – ${failureSummary.replaceAll("\n", " ")}`).join("\n")}`);
  assert.deepEqual(told, [], `${where} in ${page.url()}`);
}
