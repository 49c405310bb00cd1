// The demo page: the person who is signed in, the sections shown to them, and the invitation that waits for an answer.

import { acceptPanel, connectedPanel, takeLink, waitingPanel } from "./accept.js";
import { accountView, forgetAccount, lockedView, recoveryKeyView } from "./account.js";
import { backstage } from "./backstage.js";
import { tell } from "./channel.js";
import { closeDialogs } from "./dialog.js";
import { button, during, el, userText } from "./dom.js";
import { problemBox, sentence } from "./errors.js";
import { forgetSteps } from "./guide.js";
import { homeView } from "./home.js";
import { mailboxSection } from "./mailbox.js";
import { clearNotices, notify } from "./notices.js";
import { reached, whenBack } from "./reach.js";
import { settingsDialog } from "./settings.js";
import { shownPanel } from "./shown-card.js";
import { iAm } from "./twins.js";
import { noteStep, watched } from "./watch.js";

const place = (id) => document.getElementById(id);

/** Lets the browser do its waiting work: the page is made in pieces that do not hold it up. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const mailbox = mailboxSection();
place("tools").append(mailbox.root);
await turn();
const behind = backstage(place("backstage"), { refresh: () => home?.refresh() });
await turn();

/** Calls that change nothing. */
const ASKING = new Set(["cards", "connections", "connection", "invitations", "incomingShares", "outgoingShares", "sharesOf", "linkShares", "readShare", "openLink", "file", "blob", "pendingUploads"]);

let session = null;
let home = null;
let ticket = null;
let invited = false;
/** The panel of the newest link to a card. */
let shown = null;

/** The promise of the package, whose module is streamed while the page is being read: the first view does not wait for it. */
const app = openClient();

async function openClient() {
  const { Vouchsafe } = await import("./vouchsafe/external.js").catch((cause) => {
    throw new Error("Vouchsafe could not be loaded. Check the connection, then reload the page.", { cause });
  });
  return Vouchsafe.open({
    vault: `${location.origin}/vault`,
    keystore: `${location.origin}/keystore`,
    receipts: true,
    onStep(step) {
      noteStep(step);
      tellStep({ number: step.number, duration: step.duration });
    },
  });
}

/** Tells all tabs of a step that ended in this one. */
function tellStep(step) {
  tell("step", { ...step, who: session?.email ?? "", account: session?.account ?? null, lied: behind.isLying() });
}

/** A session, or the app, watched for refusals of the client and for answers of the servers. */
const watch = (made) =>
  watched(made, {
    refused: behind.refused,
    reached,
    told: tellStep,
    changed(call) {
      behind.changed();
      // Servers that lie send no events.
      if (behind.isLying() && !ASKING.has(call)) home?.refresh();
    },
  });

/** Puts `sections` in the place of the old ones. Their parent is a new element, so that for a browser nothing has moved. */
function present(sections) {
  place("primary").replaceWith(el("div", { id: "primary", class: "sections" }, sections));
}

/** Shows `sections` and puts the focus on the first heading, unless the page has only just come up. */
function show(sections, { focus = true } = {}) {
  present(sections);
  showInvitation();
  if (focus) focusHeading(ticket && session ? place("invitation") : place("primary"));
}

const focusHeading = (root) => [...root.querySelectorAll("h2")].find((heading) => heading.offsetParent !== null)?.focus();

/** Sets the page's layout. */
function layOut() {
  document.body.className = session === null ? "signed-out" : home === null ? "between" : "at-home";
  document.body.classList.toggle("invited", session === null && ticket !== null);
}

function showWho() {
  const signedIn = session !== null;
  layOut();
  mailbox.belongsTo(session?.email ?? null);
  behind.belongsTo(home === null ? null : session.account);
  iAm(session?.account ?? null);
  document.title = signedIn ? `${session.email} – Vouchsafe demo` : "Vouchsafe demo";
  if (!signedIn) {
    place("who").replaceChildren();
    return;
  }
  const problem = problemBox();
  const lock = button("Lock", () => during(lock, problem, lockSession), { kind: "quiet" });
  const out = button("Sign out", () => during(out, problem, () => signOut()), { kind: "quiet" });
  const whose = session;
  /** News of another account are not told. */
  const forThem = (run) => () => session === whose && run();
  const told = { changed: forThem(() => notify("Your passphrase is changed.")), deleted: forThem(accountDeleted) };
  const account = button("Account", () => settingsDialog(session, told), { kind: "quiet", "aria-haspopup": "dialog" });
  account.hidden = home === null;
  lock.hidden = home === null;
  place("who").replaceChildren(
    el("span", { class: "who-name" }, el("span", { class: "muted" }, "Signed in as "), userText(session.email)),
    el("div", { class: "actions" }, account, lock, out),
    problem.root,
  );
}

function showSignedOut({ recovering, ...options } = {}) {
  session = null;
  invited = ticket !== null;
  closeDialogs();
  forgetSteps();
  showWho();
  show([accountView(app, { invited, recovering, signedUp, signedIn })], options);
}

/** Whether somebody came in meanwhile by another form: then nobody else may. */
function isLate(made) {
  if (session === null) return false;
  made.signOut().catch(() => {});
  return true;
}

function signedUp(made, recoveryKey) {
  if (isLate(made)) return;
  session = watch(made);
  showWho();
  place("invitation").replaceChildren();
  present([recoveryKeyView(session.email, recoveryKey, showHome)]);
  focusHeading(place("primary"));
}

/** Fetches the lists before it shows them, so that nothing jumps. */
async function signedIn(made) {
  if (isLate(made)) return;
  session = watch(made);
  await showHome();
  const failed = session?.failedSignIns ?? 0;
  if (failed === 0) return;
  const tries = failed === 1 ? "Somebody tried" : `${failed} times somebody tried`;
  notify(`${tries} to sign in to this account since you last did, and failed. If that was not you, somebody may be guessing.`);
}

async function showHome() {
  const shown = session;
  const next = homeView(session, behind, { invited });
  // Refusals while the lists are fetched are told, too.
  behind.belongsTo(shown.account, { visible: false });
  await next.refresh();
  if (session !== shown) return next.close();
  home = next;
  showWho();
  show(home.sections);
}

function leaveHome() {
  closeDialogs();
  clearNotices();
  home?.close();
  home = null;
}

async function lockSession() {
  await session.lock();
  leaveHome();
  showWho();
  show([lockedView(session, { unlocked: showHome, signOut: () => signOut(), recover: () => signOut({ recovering: true }) })]);
}

/** Signs out here, at once, whatever the server answers: the person has left. */
async function signOut(options) {
  const leaving = session;
  leaveHome();
  showSignedOut(options);
  try {
    await leaving.signOut();
  } catch (error) {
    await leaving.lock().catch(() => {});
    notify(`You are signed out in this tab, but the server was not told. ${sentence(error)}`);
  }
}

function accountDeleted() {
  leaveHome();
  forgetAccount();
  showSignedOut();
  notify("Your account is deleted.");
}

function showInvitation() {
  layOut();
  if (ticket === null) {
    place("invitation").replaceChildren();
  } else if (session === null || home === null) {
    place("invitation").replaceChildren(waitingPanel(forgetInvitation, session !== null));
  } else {
    const answered = ticket;
    const over = (told) => forgetInvitation(told, answered);
    place("invitation").replaceChildren(acceptPanel(session, answered, { accepted: (made) => accepted(made, answered), over }));
  }
}

/** Notes that the invitation `answered` is over; `null` for none. Another one that was opened meanwhile waits. */
function forgetInvitation(told, answered = ticket) {
  if (ticket === answered) ticket = null;
  showInvitation();
  if (typeof told === "string") notify(told);
  focusHeading(place(ticket === null ? "primary" : "invitation"));
}

/** Shows the outcome in the panel, which stays until the person has seen it. */
async function accepted(connection, answered) {
  // Somebody who left meanwhile is told when they are back: the invitation waits.
  if (home === null) return;
  if (ticket === answered) ticket = null;
  showConnected(connection);
  notify(`You are connected with ${connection.name}.`);
  await home.refreshConnections();
}

function showConnected(connection) {
  const panel = place("invitation").firstElementChild;
  const compare = () => home?.compare(connection, () => showConnected({ ...connection, trust: "verified", verifiedBy: "safetyNumber" }));
  const over = () => forgetInvitation(null, null);
  place("invitation").replaceChildren(connectedPanel(connection, panel?.offsetHeight ?? 0, { over, compare }));
  focusHeading(place("invitation"));
}

/** Shows the card behind a link, to whoever is here. */
async function showCard(link) {
  const over = () => {
    shown.close();
    place("shown").replaceChildren();
    focusHeading(place("primary"));
  };
  const vouchsafe = watch(await app);
  shown?.close();
  shown = shownPanel(vouchsafe, link, over);
  place("shown").replaceChildren(shown.root);
}

/** Whether the address holds an invitation, which the package can tell. A link to a card is shown. */
async function isInvited() {
  if (location.hash === "") return false;
  const opened = takeLink(await app);
  if (opened === null) return false;
  if (opened.card !== undefined) {
    await showCard(opened.card);
    return false;
  }
  ticket = opened.ticket;
  invited = true;
  return true;
}

window.addEventListener("hashchange", async () => {
  if (!(await isInvited())) return focusHeading(place("shown"));
  // The recovery key is shown only once: the invitation waits until it is written down.
  if (session !== null && home === null && !session.locked) return;
  showInvitation();
  focusHeading(place("invitation"));
});

/** What is dropped beside a card must not take the place of the page, which holds the keys. */
for (const type of ["dragover", "drop"]) {
  window.addEventListener(type, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}
whenBack(() => home?.refresh());
await isInvited().catch(() => {});
showSignedOut({ focus: false });
app.catch((error) => place("fault").replaceChildren(el("p", {}, sentence(error))));
