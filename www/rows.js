import { button, el, hidden } from "./dom.js";
import { icon } from "./icon.js";
import { RowMarks } from "./marks.js";
import { legend, serviceTables } from "./stored-tables.js";

/** The rows that Keystore and Vault keep of the person who is signed in. The routes exist in the demo alone. */
export function storedRows() {
  const problem = el("p", { class: "muted" }, "What the two services store has not come yet.");
  const root = el("div", { class: "stored-rows" });
  const tables = serviceTables();
  let account = null;
  let looking = false;
  let again = false;
  const marks = new RowMarks(root, { rows: tables.rows, isOn: () => account !== null, isLooking: () => looking });
  root.append(
    el("p", { class: "small muted" }, "Straight from the two databases. Point at a card, a person or a share on your side to find its rows."),
    legend(),
    marks.bar,
    problem,
    ...tables.sections,
  );

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
      tables.draw(rows);
      marks.drawn();
    }
  }

  return {
    root,
    look,
    /** The account whose rows are shown; `null` for nobody's. */
    belongsTo(id) {
      account = id;
      tables.clear();
      problem.hidden = false;
      marks.clear();
      look();
    },
    point: (record, options) => marks.point(record, options),
  };
}

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
