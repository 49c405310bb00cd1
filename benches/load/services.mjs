// Vaults and Keystores with a bare handler beside them, on this machine: how many of each, on which database, behind nginx or not.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { answers, ports } from "../servers.mjs";

/** The programs, and the PostgreSQL server. */
const { VOUCHSAFE_LOAD_SERVER: server, VOUCHSAFE_LOAD_TOOL: tool, NGINX: nginx, VOUCHSAFE_TEST_POSTGRES: postgres } = process.env;

/** The server says nothing of how it is set up here. */
const env = { ...process.env, VOUCHSAFE_LOG: "error" };

/** Nothing here is to be refused because somebody does much of it. */
const WITHOUT_LIMITS = [
  "--no-rate-limits",
  ...["--max-connections", "16000", "--max-connections-per-address", "16000"],
  ...["bytes", "cards", "shares", "shares-per-connection", "spaces", "requests"].flatMap((quota) => [`--quota-${quota}`, "1000000000"]),
];

/** Runs a program to its end. Returns what it printed. */
async function output(program, words) {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env });
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${basename(program)} ${words[0]} failed (${code}); see above.`);
  return Buffer.concat(chunks).toString();
}

/** Runs the load tool to its end. Returns what it printed, as JSON. */
export async function ask(...words) {
  const text = await output(tool, words);
  return text ? JSON.parse(text) : undefined;
}

/** The arrangements that can be tried here. */
export const arrangements = [
  { name: "SQLite, one process of each service", processes: 1, postgres: false },
  ...(postgres ? [1, 2] : []).map((processes) => ({
    name: `PostgreSQL, ${processes === 1 ? "one process" : "two processes"} of each service${processes > 1 ? " behind nginx" : ""}`,
    processes,
    postgres: true,
  })),
];

/** Does `work` with the services, and ends them. With a `seed` their databases are filled before, and those who got sessions are in `seeded`. */
export async function withServices(arrangement, seed, work) {
  const folder = await mkdtemp(join(tmpdir(), "vouchsafe-load-"));
  const started = [];
  try {
    await work(await start(arrangement, seed, folder, started));
  } finally {
    for (const child of started.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await rm(folder, { recursive: true, force: true });
  }
}

async function start({ processes, postgres: onPostgres }, seed, folder, started) {
  const sqlite = (service) => `sqlite://${join(folder, service)}.db?mode=rwc`;
  const databases = onPostgres
    ? await ask("databases", postgres)
    : { vault: sqlite("vault"), keystore: sqlite("keystore"), process: null };
  const seeded = seed && (await fill(folder, databases, seed));
  const run = (program, words) => {
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "inherit"], env });
    started.push(child);
    return child;
  };

  const inner = { vault: await ports(processes), keystore: await ports(processes), bare: await ports(1) };
  const outer = processes > 1 ? { vault: await ports(1), keystore: await ports(1), bare: await ports(1) } : inner;
  const [vault, keystore, bare] = ["vault", "keystore", "bare"].map((name) => `http://127.0.0.1:${outer[name][0]}`);
  if (processes > 1) {
    await writeFile(join(folder, "nginx.conf"), nginxConfiguration(folder, inner, outer));
    run(nginx, ["-p", folder, "-c", join(folder, "nginx.conf"), "-g", "daemon off;"]);
  }

  const ours = [];
  for (const [service, database] of [["keystore", databases.keystore], ["vault", databases.vault]]) {
    for (const [number, port] of inner[service].entries()) {
      const data = join(folder, `${service}-${number}`);
      await mkdir(data, { recursive: true });
      // Processes of one service have one setup; the first makes it.
      if (number > 0) await copyFile(join(folder, `${service}-0`, `${service}.setup`), join(data, `${service}.setup`));
      const words = [service, "--listen", `127.0.0.1:${port}`, "--data", data, `--${service}-db`, database, ...WITHOUT_LIMITS];
      words.push("--vault-url", vault, "--keystore-url", keystore);
      if (service === "vault") words.push("--vault-files", join(folder, "files"));
      if (processes > 1) words.push("--behind-proxy");
      const child = run(server, words);
      ours.push(child.pid);
      await answers(`http://127.0.0.1:${port}/health`, child);
    }
  }
  const handler = run(tool, ["bare", "--listen", `127.0.0.1:${inner.bare[0]}`, "--vault-db", databases.vault, "--keystore-db", databases.keystore]);
  for (const address of [`${vault}/health`, `${keystore}/health`, `${bare}/nothing`]) await answers(address, handler);
  return { vault, keystore, bare, folder, databases, seeded, ours, bareProcess: handler.pid, database: databases.process };
}

/** Fills the databases. The services then start with the setups that this was done with. Returns a line for each session. */
async function fill(folder, databases, { people, shares, sessions }) {
  const data = join(folder, "seed");
  const much = ["--people", people, "--shares", shares, "--sessions", sessions].map(String);
  const lines = await output(server, ["seed", "--data", data, "--vault-db", databases.vault, "--keystore-db", databases.keystore, ...much]);
  for (const service of ["vault", "keystore"]) {
    await mkdir(join(folder, `${service}-0`));
    await copyFile(join(data, `${service}.setup`), join(folder, `${service}-0`, `${service}.setup`));
  }
  return lines;
}

function nginxConfiguration(folder, inner, outer) {
  const upstream = (name) => `
    upstream ${name} {
        ${inner[name].map((port) => `server 127.0.0.1:${port};`).join(" ")}
        keepalive 64;
    }
    server {
        listen 127.0.0.1:${outer[name][0]};
        location / {
            proxy_pass http://${name};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }
    }`;
  return `
${process.getuid() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
    access_log off;
    client_max_body_size 32m;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
    proxy_read_timeout 300s;
    keepalive_requests 1000000;
    ${["vault", "keystore", "bare"].map(upstream).join("\n")}
}
`;
}
