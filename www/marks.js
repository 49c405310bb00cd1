import { button, el, userText } from "./dom.js";

/** Pixels left around the name of a table above a row that is scrolled to. */
const ROOM = 14;

/** Whether somebody asked for less to move. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const smoothly = () => (calm() ? "auto" : "smooth");

/** The pane around `root` that scrolls by itself; `null` where the servers' side is a part of the page. */
function paneOf(root) {
  const body = root.closest(".backstage-body");
  return getComputedStyle(body).overflowY === "visible" ? null : body;
}

/** Scrolls to a row unless it is in sight below `above`, which covers the top of the pane. */
function scrollToRow(node, pane, above) {
  const box = node.getBoundingClientRect();
  const frame = pane?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight };
  const top = frame.top + above.offsetHeight + node.closest(".table").firstElementChild.offsetHeight + ROOM;
  if (box.top >= top && box.bottom <= Math.min(frame.bottom, innerHeight)) return;
  (pane ?? window).scrollBy({ top: box.top - top, behavior: smoothly() });
}

/** Gives the focus to where rows were asked for. A list may have been drawn anew meanwhile. */
function returnTo({ trigger, top }, id) {
  const target = trigger.isConnected ? trigger : document.querySelector(`[data-rows="${id}"]`);
  if (target === null) return document.getElementById("main").focus();
  scrollBy({ top: target.getBoundingClientRect().top - top, behavior: smoothly() });
  target.focus({ preventScroll: true });
}

/** The bar that names the marked rows. `step` gets how many rows to go on, `forget` and `goBack` end the marking. */
function markBar({ step, forget, goBack }) {
  const said = el("p", { role: "status" });
  const position = el("span", { class: "small muted", "aria-live": "polite" });
  const previous = button("Previous", () => step(-1), { what: "marked row" });
  const next = button("Next", () => step(1), { what: "marked row" });
  const nothing = button("Mark nothing", forget, { kind: "quiet" });
  const back = button("", goBack);
  const actions = el("div", { class: "actions" }, previous, next, nothing, back);
  const root = el("div", { class: "chosen" }, said, position, actions);
  return {
    root,
    focusBack: () => back.focus({ preventScroll: true }),
    /** `record` is `null` if nothing is marked, `hits` its rows, `at` which is looked at; `kept` if they stay marked. */
    tell({ record, kept, hits, at, leadsBack }) {
      root.hidden = record === null;
      said.replaceChildren();
      if (record !== null) said.append(`${hits.length} ${hits.length === 1 ? "row belongs" : "rows belong"} to `, userText(record.name), ".");
      position.hidden = actions.hidden = !kept;
      previous.hidden = next.hidden = hits.length < 2;
      back.hidden = !leadsBack;
      nothing.hidden = leadsBack;
      if (kept && leadsBack) back.replaceChildren("Back to ", userText(record.name));
      position.replaceChildren(hits.length === 0 ? "" : `${at + 1} of ${hits.length}, ${hits[at].label}`);
    },
  };
}

/** The rows of a record, marked among those that are drawn. `bar` names them and leads from one to the next. */
export class RowMarks {
  #root;
  #rows;
  #isOn;
  #isLooking;
  #bar;
  /** The record whose rows are marked now, and the one whose rows stay marked. */
  #wanted = null;
  #pinned = null;
  /** Whether the marked row is still to be brought into sight. */
  #bring = false;
  /** The marked rows, and the index of the one that is looked at. */
  #hits = [];
  #at = 0;
  /** The button that led here, and its distance from the window's top in pixels. */
  #origin = null;

  /** `rows` gives the rows drawn in `root`, `isOn` whether somebody's are shown, `isLooking` whether newer ones are on their way. */
  constructor(root, { rows, isOn, isLooking }) {
    this.#root = root;
    this.#rows = rows;
    this.#isOn = isOn;
    this.#isLooking = isLooking;
    this.#bar = markBar({
      step: (by) => this.#step(by),
      forget: () => this.point(null, { from: null }),
      goBack: () => this.#goBack(),
    });
    this.bar = this.#bar.root;
  }

  /**
   * Marks the rows of a record; `null` for none. `from`, the button that asked for it or `null`, keeps them marked; where the
   * page has to be left for them, the bar leads back there.
   */
  point(record, { from } = {}) {
    const before = this.#wanted;
    if (from !== undefined) {
      this.#pinned = record;
      const leaves = from !== null && paneOf(this.#root) === null;
      this.#origin = leaves ? { trigger: from, top: from.getBoundingClientRect().top } : null;
    }
    this.#wanted = record ?? this.#pinned;
    const isOther = this.#wanted?.id !== before?.id;
    if (isOther) this.#hits = [];
    if (this.#wanted !== null && (from || isOther)) this.#bring = true;
    this.#mark();
    this.#show();
    // Rows that are on their way are brought into sight when they are drawn.
    if (!this.#isLooking()) this.#bring = false;
    if (this.#origin !== null && from) this.#bar.focusBack();
  }

  /** Marks anew after the rows were drawn. */
  drawn() {
    this.#mark();
    this.#show();
    this.#bring = false;
  }

  /** Marks nothing, and leads back nowhere. */
  clear() {
    this.#wanted = null;
    this.#pinned = null;
    this.#origin = null;
    this.#mark();
  }

  #mark() {
    const looked = this.#hits[this.#at]?.node;
    this.#root.classList.toggle("choosing", this.#wanted !== null);
    this.#hits = [];
    for (const row of this.#rows()) {
      const hit = this.#wanted !== null && row.ids.includes(this.#wanted.id);
      row.node.classList.toggle("hit", hit);
      if (hit) this.#hits.push(row);
    }
    this.#at = Math.max(0, this.#hits.findIndex(({ node }) => node === looked));
    this.#tell();
  }

  #tell() {
    const record = this.#isOn() ? this.#wanted : null;
    const kept = record !== null && record === this.#pinned;
    this.#bar.tell({ record, kept, hits: this.#hits, at: this.#at, leadsBack: this.#origin !== null });
    this.#hits.forEach(({ node }, index) => node.classList.toggle("looked-at", kept && index === this.#at));
  }

  #step(by) {
    this.#at = (this.#at + by + this.#hits.length) % this.#hits.length;
    this.#tell();
    this.#bring = true;
    this.#show();
    this.#bring = false;
  }

  /** Moves the rows alone: whoever pressed something at a record keeps it under the pointer. */
  #show() {
    if (!this.#bring || this.#hits.length === 0 || this.#root.closest("[hidden]") !== null) return;
    const pane = paneOf(this.#root);
    if (pane === null && this.#wanted !== this.#pinned) return;
    scrollToRow(this.#hits[this.#at].node, pane, this.bar);
  }

  #goBack() {
    const from = this.#origin;
    const { id } = this.#pinned;
    this.point(null, { from: null });
    returnTo(from, id);
  }
}
