// The bytes of rows, as PostgreSQL counts them, with so many people that a table's first page does not count.

import { join } from "node:path";
import { arrangements, ask, withServices } from "./services.mjs";

const PEOPLE = 1000;
const CARDS_OF_EACH = 4;
const SHARES_OF_EACH = 10;

/** Of each service's tables the rows, their bytes and those of their indexes; null without PostgreSQL. */
export async function sizes() {
  const arrangement = arrangements.find(({ postgres, processes }) => postgres && processes === 1);
  if (!arrangement) return null;
  let found;
  await withServices(arrangement, null, async ({ vault, keystore, folder, databases }) => {
    const amounts = ["--people", PEOPLE, "--cards", CARDS_OF_EACH, "--shares", SHARES_OF_EACH].map(String);
    await ask("people", "--vault", vault, "--keystore", keystore, ...amounts, "--to", join(folder, "people"));
    found = { vault: await ask("sizes", databases.vault), keystore: await ask("sizes", databases.keystore) };
  });
  return found;
}
