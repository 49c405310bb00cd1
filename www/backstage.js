import { AttacksView } from "./attacks.js";
import { diagram } from "./diagram.js";
import { el } from "./dom.js";
import { writeNamed } from "./party-names.js";
import { storedRows } from "./rows.js";
import { tabs } from "./tabs.js";

/** The servers' side of the page: the steps, the rows, and the lies. */
export function backstage(root, { refresh }) {
  let whose = null;
  const rows = storedRows();
  const attacks = new AttacksView({ refresh });
  const news = el("span", { class: "peek-text" }, "Behind the scenes");
  const peek = el("a", { class: "peek", href: "#backstage" }, news);
  const nav = el("nav", { "aria-label": "On this page" }, peek);
  root.after(nav);
  const lit = (step) => {
    peek.replaceChildren(el("span", { class: "step-label" }, step.label), news, "↓");
    writeNamed(news, step.what);
  };
  let knownAs = () => null;
  const steps = diagram(lit, (account) => knownAs(account));
  const views = tabs("Behind the scenes", [
    { id: "steps", name: "Steps", panel: steps.root },
    { id: "rows", name: "What is stored", panel: rows.root, shown: rows.look },
    { id: "attacks", name: "Lying servers", panel: attacks.root },
  ]);
  new IntersectionObserver(([{ isIntersecting }]) => (peek.hidden = isIntersecting)).observe(root);
  root.append(
    el("div", { class: "backstage-head" }, el("h2", { tabindex: "-1" }, "Behind the scenes"), views.list),
    el("div", { class: "backstage-body" }, views.panels),
  );

  return {
    /** Tells of a refusal, and marks the step that it came at. */
    refused(refusal) {
      const step = attacks.refused(refusal);
      if (step !== null) steps.refuse(step.number);
    },
    isLying: () => attacks.isLying(),
    changed: rows.look,
    count(given) {
      attacks.count(given);
      if ("people" in given) steps.rename();
    },
    /** Sets how the person calls others: by account, a name or `null`. */
    names(given) {
      knownAs = given;
    },
    point: rows.point,
    /** Shows one of the views. */
    openTab(id) {
      views.open(id);
      // Beside the person's side it is in sight, and the page need not scroll.
      if (getComputedStyle(root).position !== "sticky") root.scrollIntoView();
    },
    /** Shows the rows of a record, asked for by the button `from`. */
    showRows(record, from) {
      views.open("rows");
      rows.point(record, { from });
    },
    /** The account whose rows and refusals are shown; `null` for none. It stays invisible until the person's own side is there. */
    belongsTo(account, { visible = true } = {}) {
      root.hidden = account === null || !visible;
      nav.hidden = root.hidden;
      if (account === whose) return;
      whose = account;
      if (account === null) knownAs = () => null;
      steps.opens(account !== null);
      rows.belongsTo(account);
      attacks.belongsTo(account);
    },
  };
}
