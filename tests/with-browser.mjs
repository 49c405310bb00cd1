// Starts one Chromium, the one in CHROMIUM_FOR_ALL where it is named, runs the command that follows with its address in
// VOUCHSAFE_BROWSER, and ends both.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chromium } from "playwright-core";
import { LAUNCH } from "./e2e/browser.mjs";

const [program, ...args] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM_FOR_ALL ?? LAUNCH.executablePath;
const server = await chromium.launchServer({ ...LAUNCH, executablePath });
const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, VOUCHSAFE_BROWSER: server.wsEndpoint() } });
const [code] = await once(child, "exit");
await server.close();
process.exitCode = code ?? 1;
