// WebKit's GTK port, through its own driver, on a screen that nobody sees.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after } from "node:test";
import { call, eventually, useBrowser } from "./driver.mjs";

/** Starts WebKit and its driver for the tests of a file; the result opens windows in it. */
export function useWebKit() {
  let screen;
  const use = useBrowser({
    async start() {
      const started = await startScreen();
      screen = started.child;
      const port = await freePort();
      const child = spawn(process.env.WEBKIT_DRIVER ?? "WebKitWebDriver", [`--port=${port}`], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, DISPLAY: started.display, GDK_BACKEND: "x11", NO_AT_BRIDGE: "1" },
      });
      return { child, address: ready(`http://127.0.0.1:${port}`, child) };
    },
    capabilities: {},
  });
  // Registered behind the browser's own end, which goes first.
  after(async () => {
    if (screen?.kill()) await once(screen, "close");
  });
  return use;
}

/** Starts an X server, which chooses its number itself. */
async function startScreen() {
  const options = ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"];
  const child = spawn(process.env.XVFB ?? "Xvfb", options, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await once(child.stdio[3], "data");
  return { child, display: `:${String(number).trim()}` };
}

/** A port that is free. The driver does not tell which it has chosen, so it has to be given one. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The address, once the driver answers there. */
const ready = (address, driver) =>
  eventually("the driver", async () => {
    if (driver.exitCode !== null) return "";
    const { ready: isReady } = await call("GET", `${address}/status`).catch(() => ({}));
    return isReady && address;
  });
