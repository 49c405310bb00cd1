// A port that stays a test's own while nobody listens on it.

import { once } from "node:events";
import { connect, createServer } from "node:net";

async function listening() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/**
 * Holds a port of 127.0.0.1 until the test ends: no other program is handed it, neither to listen on nor for a connection that
 * it opens, because a connection of the test's own begins there. On Linux a server can listen on it all the same; elsewhere
 * the port is merely free now. Returns its number.
 */
export async function holdPort(t) {
  const anchor = await listening();
  t.after(() => anchor.close());
  for (;;) {
    const free = await listening();
    const { port } = free.address();
    await new Promise((resolve) => free.close(resolve));
    if (process.platform !== "linux") return port;
    const held = connect({ host: "127.0.0.1", port: anchor.address().port, localAddress: "127.0.0.1", localPort: port });
    const isHeld = await once(held, "connect").then(() => true, () => false);
    t.after(() => held.destroy());
    if (isHeld) return port;
  }
}
