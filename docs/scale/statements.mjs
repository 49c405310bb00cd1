// The SQL of the two services, read from their sources: which tables a statement is about, and what it finds rows by.

import { readdir, readFile } from "node:fs/promises";

const sources = new URL("../../server/src/", import.meta.url);

/** The columns that hold an account, `{owner}` where a function is given one of them. */
const ACCOUNT = /\b(?:account|sender|recipient|inviter|invitee|answered_by)\b = \$\d|\{owner\} = \$\d|\baccounts\.id = \$\d/;

/** Rows that are found by their age, or by a mark that they wait for something: what sweeps and queues ask for. */
const SWEEP = /\b(?:expires_at|used_at|created_at|read_at|over_at|updated_at|unlisted_at|next_at|leaving_at|found_at|seen_at) <=? \$\d|\bto_erase = 1|\bWHERE expires_at </;

/** A statement begins so; a part of one, which a placeholder stands for, in any other way. */
const STATEMENT = /^(?:SELECT|INSERT|UPDATE|DELETE|FROM)\b/;
const TABLE = /\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+)/g;

/** The tables that are the service's own, and have a row for it or for what it works off. */
const OWN = ["owner", "strays", "_sqlx_migrations", "sqlite_master", "pg_tables"];

/** All statements of a service, each `{ file, text, tables, by }`. */
export async function statements(service) {
  const names = (await readdir(new URL(`${service}/`, sources))).filter((name) => name.endsWith(".rs")).sort();
  const found = [];
  for (const name of names) {
    const [code] = (await readFile(new URL(`${service}/${name}`, sources), "utf8")).split("#[cfg(test)]");
    const literals = [...code.matchAll(/"((?:[^"\\]|\\[^])*)"/g)].map(([, text]) => text.replace(/\\\n\s*/g, ""));
    const parts = literals.filter((text) => !STATEMENT.test(text) && /\$\d/.test(text)).join(" ");
    for (const text of literals.filter((literal) => STATEMENT.test(literal))) {
      const tables = [...new Set([...text.matchAll(TABLE)].map(([, table]) => table))];
      if (tables.length === 0 && !text.includes("{table}")) continue;
      found.push({ file: `${service}/${name}`, text, tables, by: foundBy(text, tables, parts) });
    }
  }
  return found;
}

/** What a statement finds its rows by: `account`, `age`, `service`, or `id`. */
function foundBy(text, tables, parts) {
  if (OWN.includes(tables[0])) return "service";
  const whole = /\{\w*\}/.test(text) ? `${text} ${parts}` : text;
  // An account's own row is found by the account, too, and what is inserted names it among its values.
  if (ACCOUNT.test(whole) || (tables[0] === "accounts" && /\bid = \$\d/.test(text)) || /^INSERT INTO \w+ \((?:account|id)\b/.test(text)) return "account";
  return SWEEP.test(whole) ? "age" : "id";
}

/** What a statement that names no account finds a row of its first table by. */
export function keyOf(text) {
  const [, inserted] = /^INSERT INTO \w+ \((\w+)/.exec(text) ?? [];
  if (inserted) return inserted;
  const [, condition = ""] = /\bWHERE (.*)/.exec(text) ?? [];
  const [, column] = /\b(?:\w+\.)?(\w+) (?:=|IN|>|<) ?[($]/.exec(condition) ?? [];
  return column ?? "nothing";
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const service of ["vault", "keystore"]) for (const { file, by, text } of await statements(service)) console.log([by.padEnd(8), file, text].join(" "));
}
