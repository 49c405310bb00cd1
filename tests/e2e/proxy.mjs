// A proxy whose event streams can be made to fail.

import { on } from "node:events";
import http from "node:http";

/** Asking for what has passed is none. */
const isStream = ({ url }) => /\/v1\/events(\?since=\d+)?$/.test(url);
const isOfEvents = ({ url }) => url.includes("/v1/events");

/** Passes an answer on when it has ended, as what compresses or buffers does. */
function passWhole(answer, response) {
  const chunks = [];
  answer.on("data", (chunk) => chunks.push(chunk));
  answer.on("end", () => response.end(Buffer.concat(chunks)));
}

/** A proxy between a browser and the services, whose event streams can fall silent or break. */
export async function startProxy(t) {
  const streams = new Set();
  let closed = false;
  let buffers = false;
  const server = http.createServer((request, response) => {
    if (closed && isStream(request)) return response.destroy();
    const { method, headers } = request;
    const onward = http.request(request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      if (buffers && isOfEvents(request)) passWhole(answer, response);
      else answer.pipe(response);
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
    /** From now on keeps the answers that hold events until they end. */
    buffer() {
      buffers = true;
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
