import { el, makeId } from "./dom.js";

/** Tabs as the ARIA pattern has them: arrow keys move, one is in the tab order. `shown` is called when a panel comes up. */
export function tabs(label, entries) {
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": label });
  const panels = el("div", { class: "tab-panels" });
  const made = entries.map(({ id, name, panel, shown = () => {} }) => {
    const [tabId, panelId] = [makeId("tab"), makeId("panel")];
    const tab = el("button", { type: "button", role: "tab", class: "tab", id: tabId, "aria-controls": panelId }, name);
    const root = el("div", { role: "tabpanel", id: panelId, "aria-labelledby": tabId }, panel);
    tab.addEventListener("click", () => open(id));
    list.append(tab);
    panels.append(root);
    return { id, tab, root, shown };
  });

  function open(id) {
    for (const each of made) {
      const chosen = each.id === id;
      each.tab.setAttribute("aria-selected", String(chosen));
      each.tab.tabIndex = chosen ? 0 : -1;
      each.root.hidden = !chosen;
      if (chosen) each.shown();
    }
  }

  list.addEventListener("keydown", (event) => {
    const at = made.findIndex(({ tab }) => tab === document.activeElement);
    const turn = getComputedStyle(list).direction === "rtl" ? -1 : 1;
    const move = { ArrowRight: turn, ArrowLeft: -turn, Home: -at, End: made.length - 1 - at }[event.key];
    if (at < 0 || move === undefined) return;
    event.preventDefault();
    const next = made[(at + move + made.length) % made.length];
    open(next.id);
    next.tab.focus();
  });

  open(entries[0].id);
  return { list, panels, open };
}
