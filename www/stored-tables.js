import { el } from "./dom.js";
import { bytes, characters, time } from "./format.js";

/** Characters above which a value that is not plain text is shortened. */
const SHORT = 26;
/** Characters of a long value's beginning that are shown: all ciphertexts begin alike. */
const BEGINNING = 8;

const KINDS = {
  ciphertext: "Ciphertext: the service cannot open it",
  public: "Public key or signature: everybody may read it",
  hash: "Fingerprint: what it was made of cannot be told from it",
  plain: "Readable for the service",
};

const SERVICES = { keystore: "Keystore", vault: "Vault" };

const shortId = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

/** Nothing: where it was `erased`, there was something. */
const empty = (erased) => el("span", { class: erased ? "cell erased" : "cell empty-cell" }, erased ? "erased" : "none");

function value(column, isErased) {
  const { kind, value: text, start, end, length, bytes: octets, header } = column;
  if (length === 0) return empty(isErased);
  if (start !== undefined && start !== null) {
    return el(
      "span",
      { class: `cell ${kind}` },
      el("code", {}, `${start.slice(0, BEGINNING)}…${end}`),
      " ",
      el("span", { class: "cell-note" }, header?.typ ? `${header.typ}, ` : "", octets === undefined ? characters(length) : bytes(octets)),
    );
  }
  if (text === null || text === undefined || text === "") return empty(false);
  if (kind === "time") return el("span", { class: "cell plain" }, time(Number(text)));
  if (kind === "id") return el("code", { class: "cell id", title: text }, shortId(String(text)));
  const long = String(text).length > SHORT;
  return el("span", { class: `cell ${kind}`, dir: "auto" }, long && kind !== "plain" ? shortId(String(text)) : String(text));
}

function tableRow(row) {
  const deleted = row.columns.find(({ name }) => name === "deleted_at");
  // A row of a link never had the recipient's copy of a key.
  const isErased = deleted === undefined || deleted.value !== null;
  const line = (column) => el("div", {}, el("dt", {}, column.name), el("dd", {}, value(column, isErased)));
  return el("li", { class: "stored" }, el("dl", {}, row.columns.map(line)));
}

/** The list that explains how values are marked. */
export function legend() {
  const marks = Object.entries(KINDS).map(([kind, text]) =>
    el("li", {}, el("span", { class: `cell ${kind}`, "aria-hidden": "true" }, "abc"), " ", text),
  );
  return el("ul", { class: "legend", role: "list", "aria-label": "What the marks mean" }, marks);
}

/** One section for each service, and in it the tables that have rows. */
export function serviceTables() {
  const places = { keystore: el("div", { class: "tables" }), vault: el("div", { class: "tables" }) };
  /** By table and position: the element of each row, the JSON that it shows, its ids, and its table's name. */
  let drawn = new Map();

  function drawTable(seen, service, { table, about, rows, more }) {
    const label = `${SERVICES[service]}: ${table}`;
    const drawnRows = rows.map((row, index) => drawRow(seen, `${service}/${table}/${row.ids[0] ?? index}/${index}`, row, label));
    return el(
      "div",
      { class: "table" },
      el("h4", {}, el("code", {}, table), " ", el("span", { class: "table-about" }, about)),
      el("ul", { role: "list", "aria-label": label }, drawnRows),
      more > 0 ? el("p", { class: "small muted" }, `and ${more} more`) : null,
    );
  }

  /** An unchanged row keeps its element; a new or changed one is marked as fresh. */
  function drawRow(seen, key, row, label) {
    const image = JSON.stringify(row);
    const known = drawn.get(key);
    const node = known?.image === image ? known.node : tableRow(row);
    if (known?.image !== image && drawn.size > 0) node.classList.add("fresh");
    seen.set(key, { image, node, ids: row.ids, label });
    return node;
  }

  return {
    sections: [
      service("Keystore", "Locked keys. It never gets a card.", places.keystore),
      service("Vault", "Ciphertext, public keys, who is connected with whom. It never gets a key that opens.", places.vault),
    ],
    rows: () => drawn.values(),
    draw(answer) {
      const seen = new Map();
      for (const [name, place] of Object.entries(places)) {
        const tables = answer[name].filter(({ rows }) => rows.length > 0);
        place.replaceChildren(...tables.map((table) => drawTable(seen, name, table)));
      }
      drawn = seen;
    },
    clear() {
      drawn = new Map();
      for (const place of Object.values(places)) place.replaceChildren();
    },
  };
}

const service = (name, text, place) =>
  el("section", { class: "service" }, el("h3", {}, name), el("p", { class: "small muted" }, text), place);
