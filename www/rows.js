import { button, el, hidden, userText } from "./dom.js";
import { characters, time } from "./format.js";
import { icon } from "./icon.js";

/** How long a value of a row may be before it is shortened. */
const SHORT = 26;
/** How much of the beginning of a long value is shown: all ciphertexts begin alike. */
const BEGINNING = 8;
/** The room that is left around the name of a table above a row, in pixels. */
const ROOM = 14;

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
  const problem = el("p", { class: "muted" }, "What the two services store has not come yet.");
  const places = { keystore: el("div", { class: "tables" }), vault: el("div", { class: "tables" }) };
  const said = el("p", { role: "status" });
  const place = el("span", { class: "small muted", "aria-live": "polite" });
  const previous = button("Previous", () => step(-1), { what: "marked row" });
  const next = button("Next", () => step(1), { what: "marked row" });
  const nothing = button("Mark nothing", () => point(null, { from: null }), { kind: "quiet" });
  const back = button("", goBack);
  const actions = el("div", { class: "actions" }, previous, next, nothing, back);
  const chosen = el("div", { class: "chosen" }, said, place, actions);
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
  /** The marked rows, and which of them is looked at. */
  let hits = [];
  let at = 0;
  /** The button that led here, and where in the window it was. */
  let origin = null;

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
    bring = false;
  }

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

  /** A row that is as it was stays the same element; one that is new or changed is shown to be so. */
  function drawRow(seen, key, row, label) {
    const image = JSON.stringify(row);
    const known = drawn.get(key);
    const node = known?.image === image ? known.node : tableRow(row);
    if (known?.image !== image && drawn.size > 0) node.classList.add("fresh");
    seen.set(key, { image, node, ids: row.ids, label });
    return node;
  }

  function mark() {
    const looked = hits[at]?.node;
    root.classList.toggle("choosing", wanted !== null);
    hits = [];
    for (const row of drawn.values()) {
      const hit = wanted !== null && row.ids.includes(wanted.id);
      row.node.classList.toggle("hit", hit);
      if (hit) hits.push(row);
    }
    at = Math.max(0, hits.findIndex(({ node }) => node === looked));
    tell();
  }

  /** Says how many rows are marked and, where they stay marked, which one this is and what can be done. */
  function tell() {
    const shown = wanted !== null && account !== null;
    const kept = shown && wanted === pinned;
    chosen.hidden = !shown;
    said.replaceChildren();
    if (shown) said.append(`${hits.length} ${hits.length === 1 ? "row belongs" : "rows belong"} to `, userText(wanted.name), ".");
    place.hidden = actions.hidden = !kept;
    previous.hidden = next.hidden = hits.length < 2;
    back.hidden = origin === null;
    nothing.hidden = origin !== null;
    if (kept && origin !== null) back.replaceChildren("Back to ", userText(wanted.name));
    place.replaceChildren(hits.length === 0 ? "" : `${at + 1} of ${hits.length}, ${hits[at].label}`);
    hits.forEach(({ node }, index) => node.classList.toggle("looked-at", kept && index === at));
  }

  function step(by) {
    at = (at + by + hits.length) % hits.length;
    tell();
    bring = true;
    show();
    bring = false;
  }

  /** The pane that scrolls by itself; `null` where the servers' side is a part of the page. */
  const pane = () => {
    const body = root.closest(".backstage-body");
    return getComputedStyle(body).overflowY === "visible" ? null : body;
  };

  /** Marks what is wanted and, where it is to be brought into sight, moves there. */
  function settle() {
    mark();
    show();
    if (!looking) bring = false;
  }

  /** Only what shows rows moves: whoever pressed something at a record keeps it under the pointer. */
  function show() {
    if (!bring || hits.length === 0 || root.closest("[hidden]") !== null) return;
    const scrolls = pane();
    if (scrolls === null && wanted !== pinned) return;
    const { node } = hits[at];
    const box = node.getBoundingClientRect();
    const frame = scrolls?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
    const top = frame.top + chosen.offsetHeight + node.closest(".table").firstElementChild.offsetHeight + ROOM;
    if (box.top >= top && box.bottom <= Math.min(frame.bottom, innerHeight)) return;
    (scrolls ?? window).scrollBy({ top: box.top - top, behavior: calm() ? "auto" : "smooth" });
  }

  /** Back to where the rows were asked for. A list may have been drawn anew meanwhile. */
  function goBack() {
    const { trigger, top } = origin;
    const { id } = pinned;
    point(null, { from: null });
    const target = trigger.isConnected ? trigger : document.querySelector(`[data-rows="${id}"]`);
    if (target === null) return document.getElementById("main").focus();
    scrollBy({ top: target.getBoundingClientRect().top - top, behavior: calm() ? "auto" : "smooth" });
    target.focus({ preventScroll: true });
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

  /**
   * Marks the rows of a record; `null` for none. `from`, the button that asked for it or `null`, keeps it so, and where the page
   * has to be left for it, leads back there.
   */
  function point(record, { from } = {}) {
    const before = wanted;
    if (from !== undefined) {
      pinned = record;
      origin = from !== null && pane() === null ? { trigger: from, top: from.getBoundingClientRect().top } : null;
    }
    wanted = record ?? pinned;
    if (wanted?.id !== before?.id) hits = [];
    if (wanted !== null && (from || wanted.id !== before?.id)) bring = true;
    settle();
    if (origin !== null && from) back.focus({ preventScroll: true });
  }

  return {
    root,
    look,
    /** Whose rows are shown; `null` for nobody's. */
    belongsTo(id) {
      account = id;
      wanted = null;
      pinned = null;
      origin = null;
      drawn = new Map();
      for (const place of Object.values(places)) place.replaceChildren();
      problem.hidden = false;
      mark();
      look();
    },
    point,
  };
}

/** Whether somebody asked for less to move. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A button that leads from a record to its rows. */
export const rowsButton = (record, show) =>
  button([icon("rows"), hidden(`What is stored of ${record.name}`)], ({ currentTarget }) => show(record, currentTarget), {
    kind: "quiet icon-button",
    title: "What is stored",
    "data-rows": record.id,
  });

/** Lets the rows of a record be marked while `node` is pointed at or has the focus. */
export function pointsAt(node, record, point) {
  for (const type of ["pointerenter", "focusin"]) node.addEventListener(type, () => point(record));
  for (const type of ["pointerleave", "focusout"]) node.addEventListener(type, () => point(null));
  return node;
}
