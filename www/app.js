// The demo page: who is signed in, what is shown for it, and the invitation that waits for an answer.

import { Vouchsafe } from "./vouchsafe/index.js";
import { acceptPanel, takeInvitation, waitingPanel } from "./accept.js";
import { accountView, forgetAccount, lockedView, recoveryKeyView } from "./account.js";
import { closeDialogs } from "./dialog.js";
import { button, during, el, userText } from "./dom.js";
import { problemBox, sentence } from "./errors.js";
import { homeView } from "./home.js";
import { mailboxSection } from "./mailbox.js";
import { clearNotices, notify } from "./notices.js";
import { settingsDialog } from "./settings.js";
import { stepsSection } from "./steps.js";

const place = (id) => document.getElementById(id);
const mailbox = mailboxSection();
const steps = stepsSection();
place("tools").append(mailbox.root, steps.root);

let app;
let session = null;
let home = null;
let ticket = takeInvitation();

/** Shows `primary` and `people` and puts the focus on the first heading, unless the page has only just come up. */
function show(primary, people = [], { focus = true } = {}) {
  place("primary").replaceChildren(...primary);
  place("people").replaceChildren(...people);
  showInvitation();
  if (focus) focusHeading(ticket && session ? place("invitation") : place("primary"));
}

const focusHeading = (root) => root.querySelector("h2")?.focus();

function showWho() {
  mailbox.belongsTo(session?.email ?? null);
  document.title = session ? `${session.email} – Vouchsafe demo` : "Vouchsafe demo";
  if (session === null) {
    place("who").replaceChildren();
    return;
  }
  const problem = problemBox();
  const lock = button("Lock", () => during(lock, problem, lockSession));
  const out = button("Sign out", () => during(out, problem, signOut));
  const account = button("Account", () => settingsDialog(session, accountDeleted), { "aria-haspopup": "dialog" });
  account.hidden = home === null;
  lock.hidden = home === null;
  place("who").replaceChildren(
    el("span", { class: "who-name" }, el("span", { class: "muted" }, "Signed in as "), userText(session.email)),
    el("div", { class: "actions" }, account, lock, out),
    problem.root,
  );
}

function showSignedOut(options) {
  session = null;
  showWho();
  show([accountView(app, { signedUp, signedIn })], [], options);
}

function signedUp(made, recoveryKey) {
  session = made;
  showWho();
  place("people").replaceChildren();
  place("invitation").replaceChildren();
  place("primary").replaceChildren(recoveryKeyView(recoveryKey, showHome));
  focusHeading(place("primary"));
}

function signedIn(made) {
  session = made;
  showHome();
}

function showHome() {
  home = homeView(session);
  showWho();
  show(home.primary, home.people);
  home.refresh();
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
  show([lockedView(session, { unlocked: showHome, signOut })]);
}

/** Signs out here whatever the server says: the person has left. */
async function signOut() {
  const leaving = session;
  leaveHome();
  try {
    await leaving.signOut();
  } catch (error) {
    await leaving.lock().catch(() => {});
    notify(`You are signed out in this tab, but the server was not told. ${sentence(error)}`);
  }
  showSignedOut();
}

function accountDeleted() {
  leaveHome();
  forgetAccount();
  showSignedOut();
  notify("Your account is deleted.");
}

function showInvitation() {
  if (ticket === null) {
    place("invitation").replaceChildren();
  } else if (session === null || home === null) {
    place("invitation").replaceChildren(waitingPanel(forgetInvitation, session !== null));
  } else {
    place("invitation").replaceChildren(acceptPanel(session, ticket, { accepted, over: forgetInvitation }));
  }
}

function forgetInvitation(told = null) {
  ticket = null;
  showInvitation();
  if (typeof told === "string") notify(told);
  focusHeading(place("primary"));
}

async function accepted(connection) {
  forgetInvitation(`You are connected with ${connection.name}.`);
  focusHeading(place("people"));
  await home?.refreshConnections();
}

window.addEventListener("hashchange", () => {
  const opened = takeInvitation();
  if (opened === null) return;
  ticket = opened;
  // The recovery key is on the screen once: the invitation waits until it is written down.
  if (session !== null && home === null && !session.locked) return;
  showInvitation();
  focusHeading(place("invitation"));
});

try {
  app = await Vouchsafe.open({
    vault: `${location.origin}/vault`,
    keystore: `${location.origin}/keystore`,
    onStep: steps.add,
  });
  showSignedOut({ focus: false });
} catch (error) {
  place("fault").replaceChildren(el("p", {}, sentence(error)));
}
