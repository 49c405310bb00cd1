// People without a page: the packed package in Node.js, installed as a stranger would, against the demo.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const { VOUCHSAFE_DEMO_URL: demo, VOUCHSAFE_TARBALL: tarball } = process.env;
const passphrase = "correct horse battery";

/**
 * People for the tests of a file: `session`, the `steps` of their calls, `again`, the same person on another device, and
 * `open`, a device where nobody is signed in. The package is installed for the first of them: a sample may have no test of the
 * file.
 */
export function usePeople() {
  let folder, api;
  const install = async () => {
    assert.ok(demo && tarball, "Run `cargo xtask test --only e2e`: it names the demo and the tarball.");
    folder = await mkdtemp(join(tmpdir(), "vouchsafe-people-"));
    await writeFile(join(folder, "package.json"), '{ "private": true }');
    await run("npm", ["install", "--no-audit", "--no-fund", "--offline", tarball], { cwd: folder });
    return import(pathToFileURL(join(folder, "node_modules/vouchsafe/index.js")));
  };
  after(() => folder && rm(folder, { recursive: true }));

  const open = async () => {
    const { Vouchsafe } = await (api ??= install());
    const steps = [];
    const app = await Vouchsafe.open({
      vault: `${demo}vault`,
      keystore: `${demo}keystore`,
      invitationUrl: demo,
      onStep: ({ number }) => steps.push(number),
    });
    return { app, steps };
  };
  return async (name) => {
    const { app, steps } = await open();
    const email = `${name}.${randomBytes(5).toString("hex")}@example.test`;
    const { session } = await app.signUp({ email, passphrase });
    const again = async () => {
      const { app, steps } = await open();
      return { session: await app.signIn({ email, passphrase }), steps, email };
    };
    return { session, steps, email, again, open: async () => (await open()).app };
  };
}

/** The code with which a call fails. */
export async function codeOf(call) {
  try {
    await call;
  } catch (error) {
    return error.code ?? error;
  }
  return "no error";
}

/** The invitation mail to somebody, once it is there. */
export async function mailTo(email) {
  for (;;) {
    const { items } = await (await fetch(`${demo}dev/mails`)).json();
    const mail = items.find(({ to }) => to === email);
    if (mail) return mail;
  }
}

/** Both people are connected by a link: the connection as the invitee sees it. */
export async function connect(inviter, invitee) {
  const { link } = await inviter.session.invite({ delivery: "link", name: "Invitee" });
  return invitee.session.accept({ link }, { name: "Inviter" });
}

/** The rows of both services about somebody: the answer as text, and each table's rows as objects of its columns. */
export async function rowsOf({ session }) {
  const response = await fetch(`${demo}demo/rows?account=${session.account}`);
  assert.equal(response.status, 200);
  const text = await response.text();
  const rows = {};
  for (const [service, tables] of Object.entries(JSON.parse(text))) {
    for (const { table, rows: found, more } of tables) {
      rows[`${service}.${table}`] = Object.assign(
        found.map(({ ids, columns }) => ({
          ids,
          ...Object.fromEntries(columns.map((column) => [column.name, column])),
        })),
        { more },
      );
    }
  }
  return { text, rows };
}

/** Makes the services lie to somebody, or stop it with `null`. */
export async function attack({ session }, attack) {
  const response = await fetch(`${demo}demo/attacks`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account: session.account, attack }),
  });
  assert.equal(response.status, 200, await response.text());
}
