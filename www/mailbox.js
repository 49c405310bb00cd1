import { button, during, el, hidden, section, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { time } from "./format.js";
import { reached } from "./reach.js";

/** Milliseconds between two looks into the mailbox while the tab is seen. */
const EVERY = 3_000;
/** Mails that each list shows at most. */
const SHOWN = 10;
/** Mails of everybody's that are shown while nobody is signed in. */
const NEWEST = 3;

/** Puts `nodes` into `list`; a node that is in its place is not touched. */
function fill(list, nodes) {
  for (const node of [...list.children]) if (!nodes.includes(node)) node.remove();
  nodes.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
}

/** The list of the mails to one person, and below it, folded, the list of the others. */
function mailLists() {
  const list = el("ul", { class: "rows", "aria-label": "Mails", role: "list" });
  const otherList = el("ul", { class: "rows", "aria-label": "More mails", role: "list" });
  const summary = el("summary", {});
  const others = el("details", {}, summary, otherList);
  const nothing = el("p", { class: "muted empty" }, "No mails yet.");
  const rows = new Map();
  const rowOf = (mail) => {
    if (!rows.has(mail.id)) rows.set(mail.id, mailRow(mail));
    return rows.get(mail.id);
  };
  return {
    nodes: [nothing, list, others],
    /** Shows the mails to `mine` first; where it is `null`, the newest. */
    show(mails, mine) {
      const isMine = (mail) => mail.to.toLowerCase() === mine.toLowerCase();
      const first = mine === null ? mails.slice(0, NEWEST) : mails.filter(isMine).slice(0, SHOWN);
      fill(list, first.map(rowOf));
      fill(otherList, mails.filter((mail) => !first.includes(mail)).slice(0, SHOWN).map(rowOf));
      summary.replaceChildren(mine === null ? "Earlier mails" : "Mails to other people");
      nothing.replaceChildren(mine === null ? "No mails yet." : "No mails to you yet.");
      nothing.hidden = list.children.length > 0;
      others.hidden = otherList.children.length === 0;
    },
  };
}

/** The mails that the demo's server would have sent: everybody's, since there is one mailbox for all. */
export function mailboxSection() {
  const problem = problemBox();
  const lists = mailLists();
  const refresh = button("Refresh", () => during(refresh, problem, look), { what: "the mailbox", kind: "quiet" });
  const root = section(
    "Mailbox",
    { tools: [refresh], intro: "The demo sends no real mail. What it would have sent is caught here, for every address." },
    problem.root,
    ...lists.nodes,
  );
  root.hidden = true;
  let mails = [];
  let mine = null;
  let exists = true;

  async function look() {
    const answer = await fetch("/dev/mails", { headers: { accept: "application/json" } });
    if (answer.status === 404) {
      exists = false;
      return;
    }
    if (!answer.ok) throw new Error("The mailbox cannot be read. Try again in a moment.");
    mails = (await answer.json()).items;
    draw();
  }

  function draw() {
    lists.show(mails, mine);
    root.hidden = mails.length === 0;
  }

  async function lookQuietly() {
    if (document.visibilityState !== "visible" || !exists) return;
    try {
      await look();
    } catch (error) {
      // The next look may succeed, and the button shows errors.
      if (error instanceof TypeError) reached(false);
    }
  }

  setInterval(lookQuietly, EVERY);
  document.addEventListener("visibilitychange", lookQuietly);
  lookQuietly();

  return {
    root,
    /** Puts the mails to this address first; `null` for nobody. */
    belongsTo(email) {
      mine = email;
      draw();
    },
  };
}

function mailRow(mail) {
  const fragment = typeof mail.link === "string" && mail.link.includes("#") ? mail.link.slice(mail.link.indexOf("#")) : null;
  return el(
    "li",
    { class: "row" },
    el("h3", { dir: "auto" }, mail.subject),
    el("p", { class: "muted small" }, "To ", userText(mail.to), ", ", time(mail.sentAt)),
    el("details", {}, el("summary", {}, "Read the mail"), el("p", { class: "mail-text", dir: "auto" }, mail.text)),
    mail.code ? el("p", {}, "Code ", el("code", {}, mail.code)) : null,
    fragment === null
      ? null
      : el("p", {}, el("a", { href: fragment, class: "button" }, "Open invitation", hidden(` to ${mail.to}`))),
  );
}
