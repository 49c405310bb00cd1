import { button, el, section } from "./dom.js";
import { duration } from "./format.js";

/** How many steps stay listed. */
const KEPT = 60;

/** The steps of the protocol as they end, newest first. */
export function stepsSection() {
  const list = el("ol", { class: "steps", "aria-label": "Protocol steps" });
  const count = el("span", { class: "muted" }, "none yet");
  let seen = 0;

  function clear() {
    seen = 0;
    list.replaceChildren();
    count.replaceChildren("none yet");
  }

  return {
    root: section(
      "Behind the scenes",
      { tools: [button("Clear", clear, { what: "the steps", kind: "quiet" })] },
      el(
        "details",
        {},
        el("summary", {}, "Steps of the protocol in this tab: ", count),
        list,
      ),
    ),
    add(step) {
      seen += 1;
      count.replaceChildren(String(seen));
      list.prepend(
        el(
          "li",
          {},
          el("span", { class: "step-number" }, String(step.number)),
          el("span", { class: "step-title" }, step.title),
          el("span", { class: "muted" }, duration(step.duration)),
        ),
      );
      while (list.children.length > KEPT) list.lastElementChild.remove();
    },
  };
}
