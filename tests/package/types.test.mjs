// The types, as the compiler of a strict project sees them in the tarball.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { project, setting, tools } from "./support.mjs";

const ts = createRequire(join(tools(), "package.json"))("typescript");

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  noEmit: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
};
const web = (year, ...more) => [`lib.es${year}.d.ts`, "lib.dom.d.ts", "lib.dom.iterable.d.ts", ...more];
const { ESNext, Node16 } = ts.ModuleKind;
const { Bundler } = ts.ModuleResolutionKind;
const PROJECTS = {
  bundler: { module: ESNext, moduleResolution: Bundler, lib: web(2022) },
  node16: { module: Node16, moduleResolution: ts.ModuleResolutionKind.Node16, lib: web(2022) },
  "of the newest library": { module: ESNext, moduleResolution: Bundler, lib: web("next", "lib.esnext.disposable.d.ts") },
};

const explain = ({ file, start, messageText }) => {
  const text = ts.flattenDiagnosticMessageText(messageText, "\n");
  return file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${text}` : text;
};

for (const [name, options] of Object.entries(PROJECTS)) {
  test(`what apps write compiles, and what they must not does not: ${name}`, async (t) => {
    const folder = await project(t, "types");
    const files = ["allowed.ts", "forbidden.ts"].map((file) => join(folder, file));
    const program = ts.createProgram(files, { ...STRICT, ...options });
    assert.deepEqual(ts.getPreEmitDiagnostics(program).map(explain), []);
  });
}

const declarations = ["index.d.ts", "external.d.ts", "full.d.ts", "testing.d.ts"].map((file) => join(setting("PACKAGE"), file));

/** All nodes of the package's types, with the place of each. */
function* nodes() {
  const program = ts.createProgram(declarations, { ...STRICT, ...PROJECTS.bundler });
  // Tells each node its parent, as what looks for comments wants it.
  program.getTypeChecker();
  for (const path of declarations) {
    const file = program.getSourceFile(path);
    const walk = function* (node) {
      yield { node, place: `${path}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}` };
      const children = [];
      ts.forEachChild(node, (child) => void children.push(child));
      for (const child of children) yield* walk(child);
    };
    yield* walk(file);
  }
}

const DESCRIBED = [
  ts.isInterfaceDeclaration,
  ts.isTypeAliasDeclaration,
  ts.isClassDeclaration,
  ts.isFunctionDeclaration,
  ts.isVariableStatement,
  ts.isPropertySignature,
  ts.isPropertyDeclaration,
  ts.isMethodSignature,
  ts.isMethodDeclaration,
  ts.isConstructorDeclaration,
  ts.isCallSignatureDeclaration,
];

test("everything in the types is described", () => {
  const named = [...nodes()].filter(({ node }) => DESCRIBED.some((is) => is(node)));
  assert.ok(named.length > 150, `only ${named.length} were found`);
  const described = (node) => ts.getJSDocCommentsAndTags(node).some(({ comment }) => ts.getTextOfJSDocComment(comment)?.trim());
  assert.deepEqual(named.filter(({ node }) => !described(node)).map(({ place }) => place), []);
});

test("there is no `any` in the types, and one style of names", () => {
  const found = [];
  for (const { node, place } of nodes()) {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${place}: any`);
    const name = node.name && ts.isIdentifier(node.name) ? node.name.text : "";
    const type = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node);
    const member = ts.isTypeElement(node) || ts.isClassElement(node) || ts.isParameter(node);
    if (type && !/^[A-Z][A-Za-z]*$/.test(name)) found.push(`${place}: ${name}`);
    if (member && name && !/^[a-z][A-Za-z]*$/.test(name)) found.push(`${place}: ${name}`);
  }
  assert.deepEqual(found, []);
});

test("the package's JavaScript keeps to its own types", async () => {
  // The package itself has no comments, and so no types.
  const folder = setting("TYPED");
  const scripts = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
  // Written by wasm-bindgen, or the module itself.
  const own = scripts.filter((name) => !/glue|inside/.test(name)).map((name) => join(folder, name));
  const options = { ...STRICT, ...PROJECTS["of the newest library"], exactOptionalPropertyTypes: false, allowJs: true, checkJs: true };
  const program = ts.createProgram(own, { ...options, noUncheckedIndexedAccess: false, noPropertyAccessFromIndexSignature: false });
  const faults = own.flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  assert.ok(own.length > 8);
  assert.deepEqual(faults.map(explain), []);
});
