// Servers that the measurements start on this machine.

import { once } from "node:events";
import { createServer } from "node:net";

/** Milliseconds for a program to answer, and between two questions. */
const PATIENCE = 60_000;
const PAUSE = 50;

/** Free ports. Somebody else could take one before it is used; then the program says so. */
export async function ports(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((one) => once(one, "listening")));
  const found = servers.map((one) => one.address().port);
  await Promise.all(servers.map((one) => once(one.close(), "close")));
  return found;
}

/** Waits until it does; `child` has to live on. */
export async function answers(address, child) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const response = await fetch(address).catch((error) => ({ ok: false, status: error.message }));
    if (response.ok) return;
    if (child.exitCode !== null) throw new Error("A program ended; see above.");
    if (Date.now() > deadline) throw new Error(`${address} does not answer (${response.status}).`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
