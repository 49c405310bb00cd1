import { button, el, hidden, userText } from "./dom.js";
import { characters, time } from "./format.js";
import { icon } from "./icon.js";

/** How long a value of a row may be before it is shortened. */
const SHORT = 26;

const KINDS = {
  ciphertext: "Ciphertext: the service cannot open it",
  public: "Public key or signature: everybody may read it",
  hash: "Fingerprint: what it was made of cannot be told from it",
  plain: "Readable for the service",
};

const shortId = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

function value(column) {
  const { kind, value: text, start, end, length, header } = column;
  if (length === 0) return el("span", { class: "cell erased" }, "erased");
  if (start !== undefined && start !== null) {
    return el(
      "span",
      { class: `cell ${kind}` },
      el("code", {}, `${start}…${end}`),
      " ",
      el("span", { class: "cell-note" }, header?.typ ? `${header.typ}, ` : "", characters(length)),
    );
  }
  if (text === null || text === undefined) return el("span", { class: "cell empty-cell" }, "none");
  if (kind === "time") return el("span", { class: "cell plain" }, time(Number(text)));
  if (kind === "id") return el("code", { class: "cell id", title: text }, shortId(String(text)));
  const long = String(text).length > SHORT;
  return el("span", { class: `cell ${kind}`, dir: "auto" }, long && kind !== "plain" ? shortId(String(text)) : String(text));
}

function tableRow(row) {
  return el(
    "li",
    { class: "stored" },
    el("dl", {}, row.columns.map((column) => el("div", {}, el("dt", {}, column.name), el("dd", {}, value(column))))),
  );
}

/** What Keystore and Vault keep of the person who is signed in. The routes exist in the demo alone. */
export function storedRows() {
  const problem = el("p", { class: "muted" }, "Sign in, and this is what the two services store.");
  const places = { keystore: el("div", { class: "tables" }), vault: el("div", { class: "tables" }) };
  const chosen = el("p", { class: "chosen", role: "status" });
  const legend = el("ul", { class: "legend", role: "list", "aria-label": "What the marks mean" }, Object.entries(KINDS).map(([kind, text]) => el("li", {}, el("span", { class: `cell ${kind}`, "aria-hidden": "true" }, "abc"), " ", text)));
  const root = el(
    "div",
    { class: "stored-rows" },
    el("p", { class: "small muted" }, "Straight from the two databases. Point at a card, a person or a share on your side to find its rows."),
    legend,
    chosen,
    problem,
    service("Keystore", "Locked keys. It never gets a card.", places.keystore),
    service("Vault", "Ciphertext, public keys, who is connected with whom. It never gets a key that opens.", places.vault),
  );

  let account = null;
  let latest = 0;
  let drawn = new Map();
  let wanted = null;

  function service(name, text, place) {
    return el("section", { class: "service" }, el("h3", {}, name), el("p", { class: "small muted" }, text), place);
  }

  function draw(answer) {
    const seen = new Map();
    for (const [name, place] of Object.entries(places)) {
      const tables = answer[name].filter(({ rows }) => rows.length > 0);
      place.replaceChildren(
        ...tables.map(({ table, about, rows, more }) =>
          el(
            "div",
            { class: "table" },
            el("h4", {}, el("code", {}, table), " ", el("span", { class: "table-about" }, about)),
            el("ul", { role: "list", "aria-label": `${name}: ${table}` }, rows.map((row, index) => drawRow(seen, `${name}/${table}/${row.ids[0] ?? index}/${index}`, row))),
            more > 0 ? el("p", { class: "small muted" }, `and ${more} more`) : null,
          ),
        ),
      );
    }
    drawn = seen;
    mark();
  }

  /** A row that is as it was stays the same element; one that is new or changed is shown to be so. */
  function drawRow(seen, key, row) {
    const image = JSON.stringify(row);
    const known = drawn.get(key);
    const node = known?.image === image ? known.node : tableRow(row);
    if (known?.image !== image && drawn.size > 0) node.classList.add("fresh");
    seen.set(key, { image, node, ids: row.ids });
    return node;
  }

  function mark() {
    root.classList.toggle("choosing", wanted !== null);
    let first = null;
    let count = 0;
    for (const { node, ids } of drawn.values()) {
      const hit = wanted !== null && ids.includes(wanted.id);
      node.classList.toggle("hit", hit);
      if (hit) {
        first ??= node;
        count += 1;
      }
    }
    chosen.replaceChildren();
    if (wanted !== null && account !== null) {
      chosen.append(`${count} ${count === 1 ? "row belongs" : "rows belong"} to `, userText(wanted.name), ".");
    }
    return first;
  }

  async function look() {
    if (account === null || root.closest("[hidden]") !== null) return;
    const turn = ++latest;
    try {
      const answer = await fetch(`/demo/rows?account=${account}`, { headers: { accept: "application/json" } });
      if (turn !== latest) return;
      if (answer.status === 404) {
        problem.replaceChildren("This server does not show what it stores. The demo does: cargo xtask demo.");
        problem.hidden = false;
        return;
      }
      if (!answer.ok) return;
      const rows = await answer.json();
      if (turn !== latest || account === null) return;
      problem.hidden = true;
      draw(rows);
    } catch {
      // The page tells elsewhere that the servers cannot be reached.
    }
  }

  return {
    root,
    look,
    /** Whose rows are shown; `null` for nobody's. */
    belongsTo(id) {
      account = id;
      wanted = null;
      latest += 1;
      drawn = new Map();
      for (const place of Object.values(places)) place.replaceChildren();
      problem.hidden = false;
      mark();
      look();
    },
    /** Marks the rows of a record; `null` for none. `show` brings the first one into sight. */
    point(record, { show = false } = {}) {
      wanted = record;
      const first = mark();
      if (first !== null && root.closest("[hidden]") === null) {
        const pane = root.closest(".backstage-body");
        const [frame, box] = [pane.getBoundingClientRect(), first.getBoundingClientRect()];
        if (show || box.top < frame.top || box.bottom > frame.bottom) {
          pane.scrollTo({ top: pane.scrollTop + box.top - frame.top - 16, behavior: calm() ? "auto" : "smooth" });
        }
      }
    },
  };
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A button that leads from a record to its rows. */
export const rowsButton = (record, show) =>
  button([icon("rows"), hidden(`What is stored of ${record.name}`)], () => show(record), { kind: "quiet icon-button", title: "What is stored" });

/** Lets the rows of a record be marked while `node` is pointed at or has the focus. */
export function pointsAt(node, record, point) {
  for (const type of ["pointerenter", "focusin"]) node.addEventListener(type, () => point(record));
  for (const type of ["pointerleave", "focusout"]) node.addEventListener(type, () => point(null));
  return node;
}
