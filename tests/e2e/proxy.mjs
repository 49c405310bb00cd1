// A proxy whose event streams can be made to fail.

import { on } from "node:events";
import http from "node:http";

const isStream = ({ url }) => url.endsWith("/v1/events");

/** A proxy between a browser and the services, whose event streams can fall silent or break. */
export async function startProxy(t) {
  const streams = new Set();
  let closed = false;
  const server = http.createServer((request, response) => {
    if (closed && isStream(request)) return response.destroy();
    const { method, headers } = request;
    const onward = http.request(request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      if (!isStream(request)) return;
      const stream = { after: headers["last-event-id"], answer, response };
      streams.add(stream);
      server.emit("stream");
      response.on("close", () => streams.delete(stream));
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    streams,
    opened: on(server, "stream"),
    /** Lets nothing through any more, without a word. */
    silence() {
      for (const { answer, response } of streams) answer.unpipe(response).resume();
    },
    break() {
      for (const { response } of streams) response.destroy();
    },
    /** All streams break, and none can be opened until `open` is called. Everything else goes through. */
    close() {
      closed = true;
      this.break();
    },
    open() {
      closed = false;
    },
  };
}
