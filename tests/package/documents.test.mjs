// The documents: their lines fit a window, and what their tables name is there.

import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);

/** Characters of a line of prose. Tables and code stay as they are, and so does a line that is one link or one piece of code. */
const WIDTH = 100;

/** The folders that hold documents. */
const FOLDERS = ["docs", "examples", "pkg-template", "server", "src", "tests", "xtask"];

async function documents() {
  const found = (await readdir(root)).filter((name) => name.endsWith(".md"));
  for (const folder of FOLDERS) {
    const names = await readdir(new URL(folder, root), { recursive: true });
    found.push(...names.filter((name) => name.endsWith(".md") && !name.includes("node_modules")).map((name) => `${folder}/${name}`));
  }
  assert.ok(found.includes("README.md") && found.includes("docs/protocol.md"));
  return found;
}

const read = (path) => readFile(new URL(path, root), "utf8");

/** The lines of a document that are prose, each with its number. */
function prose(text) {
  let isCode = false;
  return text.split("\n").flatMap((line, index) => {
    if (/^\s*```/.test(line)) isCode = !isCode;
    const isTableOrMarkup = /^\s*[|<]/.test(line);
    return isCode || isTableOrMarkup ? [] : [{ line, number: index + 1 }];
  });
}

test("documents are wrapped", async () => {
  const tooLong = [];
  for (const path of await documents()) {
    for (const { line, number } of prose(await read(path))) {
      const oneWord = line.trim().replace(/`[^`]+`/g, (code) => code.replaceAll(" ", "_"));
      const couldBreak = /\S \S/.test(oneWord.replace(/^(- |\d+\. |#+ )/, ""));
      if (line.length > WIDTH && couldBreak) tooLong.push(`${path}:${number}`);
    }
  }
  assert.deepEqual(tooLong, []);
});

/** The rows of the tables of a text. */
const rows = (text) => text.split("\n").filter((line) => line.startsWith("|"));

/** The paths that rows of tables name: `src/api`, `docs/api.md`, `tests/wire/*.json`. Commands and plain words are none. */
const pathsIn = (lines) =>
  lines.flatMap((line) => [...line.matchAll(/`([^`\s]+)`/g)].map(([, word]) => word)).filter((word) => /^[\w.*/-]+$/.test(word) && /\/|\.(?:md|toml)$/.test(word));

async function exists(path) {
  if (!path.includes("*")) return stat(new URL(path, root)).then(() => true, () => false);
  const [folder, pattern] = [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)];
  const [before, after] = pattern.split("*");
  return (await readdir(new URL(folder, root))).some((name) => name.startsWith(before) && name.endsWith(after));
}

test("the paths in the tables of README and CONTRIBUTING exist", async () => {
  for (const document of ["README.md", "CONTRIBUTING.md"]) {
    const paths = pathsIn(rows(await read(document)));
    assert.ok(paths.length > 10, document);
    for (const path of paths) assert.ok(await exists(path), `${document} names ${path}`);
  }
});

/** Folders that are made, and are no part of the project. */
const MADE = ["target", "node_modules"];

test("the README's map names every folder", async () => {
  const map = rows((await read("README.md")).split("## The map")[1].split("## Documents")[0]).join("\n");
  for (const parent of ["", "src/", "server/src/", "tests/", "tests/native/"]) {
    for (const entry of await readdir(new URL(parent || ".", root), { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith(".") || MADE.includes(entry.name)) continue;
      const names = [`${parent}${entry.name}`, `${parent}${entry.name}/`, entry.name];
      assert.ok(names.some((name) => map.includes(`\`${name}\``)), `the map lacks ${parent}${entry.name}`);
    }
  }
});

test("what the package's README says of dev servers is in the services' words", async () => {
  const section = (await read("pkg-template/README.md")).split("## From your dev server")[1].split("\n## ")[0];
  const folder = "server/src/keystore";
  const names = (await readdir(new URL(folder, root))).filter((name) => name.endsWith(".rs"));
  const keystore = (await Promise.all(names.map((name) => read(`${folder}/${name}`)))).join("\n");
  const quoted = [...section.matchAll(/: "([^"]+)"/g)].map(([, words]) => words);
  assert.equal(quoted.length, 2);
  for (const words of quoted) assert.ok(keystore.includes(`"${words}`), words);
  const options = new Set(section.match(/--[a-z][a-z-]+/g));
  assert.ok(options.size >= 4);
  const cli = await read("server/src/cli/mod.rs");
  for (const option of options) assert.ok(cli.includes(`    ${option.slice(2).replaceAll("-", "_")}:`), option);
  const codes = /export type ErrorCode =([^;]+);/.exec(await read("pkg-template/index.d.ts"))[1];
  const named = rows(section).flatMap((row) => [...row.split("|")[1].matchAll(/`(\w+)`/g)].map(([, code]) => code));
  // Beside them an error's member.
  for (const code of named) assert.ok(code === "cause" || codes.includes(`"${code}"`), code);
});
