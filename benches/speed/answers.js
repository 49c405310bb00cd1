// Answers from memory, so that neither the network nor a server counts.

const json = (status, value) => new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });

/** A Vault that keeps nothing: what it says to whoever writes. */
function thrownAway(method, url, body) {
  const [, kind, id, deed] = /\/v1\/(cards|files)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(new URL(url).pathname) ?? [];
  const times = { createdAt: Date.now(), updatedAt: Date.now() };
  if (method === "PUT" && kind === "cards" && !deed) return json(201, { id, version: 1, ...times });
  if (method === "POST" && kind === "files" && !id) return json(201, { id: JSON.parse(body).id, state: "uploading", size: 0, ...times });
  if (method === "PUT" && kind === "files") return new Response(null, { status: 204 });
  if (method === "POST" && deed === "finish") return json(200, { id, state: "finished", size: JSON.parse(body).size, ...times });
  throw new Error(`a Vault that keeps nothing cannot answer ${method} ${url}`);
}

/** What tells a request from others; ids may come in any order. */
function keyOf(method, url, { headers, body = "" }) {
  const list = body.startsWith?.('{"ids":') ? JSON.stringify(JSON.parse(body).ids.toSorted()) : body;
  return `${method} ${url} ${new Headers(headers).get("range")} ${list}`;
}

/** A `fetch` whose `mode` says where answers come from: the `network`, which are `noted` or not, `memory`, or a Vault that is `away`. */
export function answers() {
  const notes = new Map();
  const source = { mode: "network", notes, fetch: answer };
  async function answer(url, init) {
    const { mode } = source;
    const { method = "GET" } = init;
    // Tokens are short-lived, and fetched beforehand.
    if (mode === "network" || url.endsWith("/tokens")) return fetch(url, init);
    if (mode === "away") return thrownAway(method, url, init.body);
    const key = keyOf(method, url, init);
    if (mode === "memory") {
      if (!notes.has(key)) throw new Error(`nobody noted the answer to ${method} ${url}`);
      const { body, ...head } = notes.get(key);
      return new Response(body, head);
    }
    const response = await fetch(url, init);
    const head = { status: response.status, headers: [...response.headers] };
    const body = response.status === 204 ? null : await response.arrayBuffer();
    notes.set(key, { ...head, body });
    return new Response(body, head);
  }
  return source;
}
