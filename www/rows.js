import { button, el, hidden, userText } from "./dom.js";
import { characters, time } from "./format.js";
import { icon } from "./icon.js";

/** How long a value of a row may be before it is shortened. */
const SHORT = 26;
/** How much of the beginning of a long value is shown: all ciphertexts begin alike. */
const BEGINNING = 8;

const KINDS = {
  ciphertext: "Ciphertext: the service cannot open it",
  public: "Public key or signature: everybody may read it",
  hash: "Fingerprint: what it was made of cannot be told from it",
  plain: "Readable for the service",
};

const SERVICES = { keystore: "Keystore", vault: "Vault" };

const shortId = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

function value(column) {
  const { kind, value: text, start, end, length, header } = column;
  if (length === 0) return el("span", { class: "cell erased" }, "erased");
  if (start !== undefined && start !== null) {
    return el(
      "span",
      { class: `cell ${kind}` },
      el("code", {}, `${start.slice(0, BEGINNING)}…${end}`),
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
  const marks = Object.entries(KINDS).map(([kind, text]) =>
    el("li", {}, el("span", { class: `cell ${kind}`, "aria-hidden": "true" }, "abc"), " ", text),
  );
  const legend = el("ul", { class: "legend", role: "list", "aria-label": "What the marks mean" }, marks);
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
  let looking = false;
  let again = false;
  let drawn = new Map();
  let wanted = null;
  let pinned = null;
  let bring = false;

  function service(name, text, place) {
    return el("section", { class: "service" }, el("h3", {}, name), el("p", { class: "small muted" }, text), place);
  }

  function draw(answer) {
    const seen = new Map();
    for (const [name, place] of Object.entries(places)) {
      const tables = answer[name].filter(({ rows }) => rows.length > 0);
      place.replaceChildren(...tables.map((table) => drawTable(seen, name, table)));
    }
    drawn = seen;
    settle();
  }

  function drawTable(seen, service, { table, about, rows, more }) {
    const drawnRows = rows.map((row, index) => drawRow(seen, `${service}/${table}/${row.ids[0] ?? index}/${index}`, row));
    return el(
      "div",
      { class: "table" },
      el("h4", {}, el("code", {}, table), " ", el("span", { class: "table-about" }, about)),
      el("ul", { role: "list", "aria-label": `${SERVICES[service]}: ${table}` }, drawnRows),
      more > 0 ? el("p", { class: "small muted" }, `and ${more} more`) : null,
    );
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
      chosen.append(`${count} ${count === 1 ? "row belongs" : "rows belong"} to `, userText(wanted.name), ". ");
      if (wanted === pinned) chosen.append(button("Mark nothing", () => point(null, { show: true }), { kind: "link" }));
    }
    return first;
  }

  /** Marks what is wanted and, where it is out of sight in this pane, moves there. */
  function settle() {
    const first = mark();
    if (first === null || root.closest("[hidden]") !== null) return;
    const behavior = calm() ? "auto" : "smooth";
    if (bring) {
      bring = false;
      first.scrollIntoView({ block: "center", behavior });
      return;
    }
    const pane = root.closest(".backstage-body");
    const [frame, box] = [pane.getBoundingClientRect(), first.getBoundingClientRect()];
    if (box.top < frame.top || box.bottom > frame.bottom) {
      pane.scrollTo({ top: pane.scrollTop + box.top - frame.top - 16, behavior });
    }
  }

  /** Looks once more after whatever asks for it meanwhile, however often that is. */
  async function look() {
    if (account === null || root.closest("[hidden]") !== null) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    do {
      again = false;
      await fetchRows(account).catch(() => {
        // The page tells elsewhere that the servers cannot be reached.
      });
    } while (again && account !== null);
    looking = false;
  }

  async function fetchRows(whose) {
    const answer = await fetch(`/demo/rows?account=${whose}`, { headers: { accept: "application/json" } });
    if (answer.status === 404) {
      problem.replaceChildren("This server does not show what it stores. The demo does: cargo xtask demo.");
    } else if (answer.ok) {
      const rows = await answer.json();
      if (account !== whose) return;
      problem.hidden = true;
      draw(rows);
    }
  }

  /** Marks the rows of a record; `null` for none. `show` keeps it so, and brings the first one into sight. */
  function point(record, { show = false } = {}) {
    if (show) pinned = record;
    wanted = record ?? pinned;
    bring = show || (bring && record === null);
    settle();
  }

  return {
    root,
    look,
    /** Whose rows are shown; `null` for nobody's. */
    belongsTo(id) {
      account = id;
      wanted = null;
      pinned = null;
      drawn = new Map();
      for (const place of Object.values(places)) place.replaceChildren();
      problem.hidden = false;
      mark();
      look();
    },
    point,
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
