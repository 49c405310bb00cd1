// Makes every call of the package, and the same calls of its stand-in, and compares how they end. A program beside an installed
// package.

import assert from "node:assert/strict";
import * as real from "vouchsafe";
import * as testing from "vouchsafe/testing";
import { everyCall } from "./every-call.mjs";

const [page] = process.argv.slice(2);
const options = { vault: `${page}vault`, keystore: `${page}keystore`, invitationUrl: page };
const people = Date.now().toString(36);

/** The newest mail to an address, once the server has sent it. */
async function mail(address) {
  for (;;) {
    const { items } = await (await fetch(`${page}dev/mails`)).json();
    const found = items.find(({ to }) => to === address);
    if (found) return found;
  }
}

const expected = await everyCall(real, options, people, mail);
const found = await everyCall(testing, options, people, (address) => testing.standIn.mails.find(({ to }) => to === address));
assert.ok(expected.account.length > 120);
assert.deepEqual(found.account, expected.account);
