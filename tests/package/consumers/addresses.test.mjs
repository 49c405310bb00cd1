// Addresses that are wrong, and what stands in front of services, in a browser, which tells a page little of other origins.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { project, serve, setting, useBrowser } from "../support.mjs";

const open = useBrowser();

/** A server that answers everything in one way, until the test ends. Returns its address. */
async function answering(t, answer) {
  const server = createServer((request, response) => {
    answer(request, response);
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://127.0.0.1:${server.address().port}`;
}

/** What lets other origins in, all of them or those of plain requests alone. */
const ALL = { "access-control-allow-origin": "*", "access-control-allow-headers": "*, authorization", "access-control-allow-methods": "PUT" };
const SIMPLE = { "access-control-allow-origin": "*" };

test("a wrong address is named, with the reason, before anything is made", async (t) => {
  const [vault, keystore] = [setting("VAULT"), setting("KEYSTORE")];
  const page = (headers) => (_, response) => response.writeHead(200, { "content-type": "text/html", ...headers }).write("<h1>Sign in</h1>");
  const closed = "http://127.0.0.1:1";
  const service = "`%` of open() (#): ";
  const other = "server_error true %Something else than the service answered.* \\(Error: status 200, type text/html\\)";
  const hidden = "server_error false %It answers, but not to this page.*CORS.* \\(TypeError: .*\\)";
  const cases = [
    ["vault", await answering(t, page(ALL)), other],
    ["keystore", await answering(t, page(ALL)), other],
    ["vault", await answering(t, page({})), hidden],
    ["keystore", await answering(t, page({})), hidden],
    // Lets in what needs no permission, and so no call of an app.
    ["vault", await answering(t, page(SIMPLE)), hidden],
    ["vault", closed, "offline true %The service cannot be reached.* \\(TypeError: .*\\)"],
    ["vault", keystore.replace(/\/keystore$/, ""), "server_error false %There is no such service.* \\(Error: status 404, type application/json\\)"],
    ["keystore", vault.replace(/vault$/, "other"), "server_error false %There is no such service.* \\(Error: status 404, type application/json\\)"],
    [
      "vault",
      await answering(t, ({ method }, response) => response.writeHead(method === "OPTIONS" ? 204 : 302, { location: vault, ...ALL })),
      "server_error false %The service's address leads to another.* \\(Error: status 0, type \\)",
    ],
    [
      "keystore",
      await answering(t, ({ method }, response) => response.writeHead(method === "OPTIONS" ? 204 : 403, { "content-type": "text/html", ...ALL })),
      "server_error false %What stands in front of the service refused.* \\(Error: status 403, type text/html\\)",
    ],
  ];
  const wrong = encodeURIComponent(JSON.stringify(cases.map(([option, address]) => [option, address])));
  const site = await serve(t, await project(t, "consumers/plain", "consumers/shared"));
  const { seen } = await open(t, `${site}addresses.html?wrong=${wrong}`, { faultsExpected: true });
  const said = seen.split("\n");
  assert.equal(said.length, 2 * cases.length);
  for (const [index, [option, address, expected]] of cases.entries()) {
    const named = service.replace("%", option).replace("#", address).replace(/[()`.]/g, "\\$&");
    for (const line of said.slice(2 * index, 2 * index + 2)) assert.match(line, new RegExp(`^${expected.replace("%", named)}$`));
  }
});
