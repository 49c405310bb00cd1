import { recoveryKeyParts } from "./account.js";
import { hold, openDialog } from "./dialog.js";
import { button, choice, during, el, field, form, userText } from "./dom.js";
import { problemBox } from "./errors.js";
import { notePassphrase } from "./example.js";
import { newPassphraseField, passphraseField, progressLine, withProgress } from "./passphrase.js";

const WRONG = { wrong_credentials: "The passphrase is wrong. Try again." };
const ELSEWHERE = {
  ...WRONG,
  conflict: "Your passphrase or recovery key was changed on another device in the meantime. Sign in again there or here, then repeat this.",
};

/** One action on an account. Actions are closed at first, and open one at a time. */
function part(title, text, fields, submit, run, own = ELSEWHERE) {
  const problem = problemBox(own);
  const progress = progressLine();
  // In a dialog closed meanwhile nobody would see the outcome, and a recovery key is shown only once.
  const send = () =>
    during(submit, problem, () =>
      hold(submit.closest("dialog"), () => withProgress(progress, "Stretching your passphrase. This takes a moment.", run)),
    );
  return el(
    "details",
    { class: "part", name: "account" },
    el("summary", {}, title),
    el("p", { class: "muted" }, text),
    form({}, send, fields.map((each) => each.root), el("div", { class: "actions" }, submit), progress.root, problem.root),
  );
}

function changePassphrase(session, done) {
  const old = passphraseField("Passphrase now", "current-password");
  const chosen = newPassphraseField("New passphrase");
  const submit = el("button", { type: "submit", class: "primary" }, "Change passphrase");
  return part(
    "Change passphrase",
    "Your cards stay as they are: only the lock on your keys changes. Your other devices are signed out.",
    [old, chosen],
    submit,
    async () => {
      const newPassphrase = chosen.input.value;
      await session.changePassphrase({ passphrase: old.input.value, newPassphrase });
      notePassphrase(session.email, newPassphrase);
      done();
    },
  );
}

function makeRecoveryKey(session, show) {
  const passphrase = passphraseField("Passphrase", "current-password");
  const submit = el("button", { type: "submit", class: "primary" }, "Make a new recovery key");
  return part(
    "New recovery key",
    "For when the old one is lost, or somebody else has seen it. The old one stops working, and your other devices are signed out.",
    [passphrase],
    submit,
    async () => show(await session.makeRecoveryKey({ passphrase: passphrase.input.value })),
  );
}

/** The code that confirms the address, so that invitation mails name the person by it. */
function confirmEmail(session) {
  const problem = problemBox();
  const code = field("Code from the mail", { inputmode: "numeric", autocomplete: "one-time-code", required: true, maxlength: "40", class: "code" });
  const said = el("p", { role: "status" });
  const ask = button("Mail me a code", () =>
    during(ask, problem, async () => {
      await session.sendEmailCode();
      said.replaceChildren("A code is on its way to ", userText(session.email), ". It is good for an hour.");
    }),
  );
  const submit = el("button", { type: "submit", class: "primary" }, "Confirm");
  const confirm = () =>
    during(submit, problem, async () => {
      await session.confirmEmail(code.input.value);
      isConfirmed();
    });
  const body = form({}, confirm, el("div", { class: "actions" }, ask), said, code.root, el("div", { class: "actions" }, submit), problem.root);
  const isConfirmed = () => body.replaceChildren(el("p", { role: "status" }, userText(session.email), " is confirmed: mails with your invitations name you by it."));
  const look = async () => {
    try {
      if ((await session.emailStatus()).confirmed) isConfirmed();
    } catch (error) {
      problem.show(error);
    }
  };
  const root = el(
    "details",
    { class: "part", name: "account" },
    el("summary", {}, "Confirm email address"),
    el("p", { class: "muted" }, "Mails with your invitations name you by your address only when you have shown that you read mails there."),
    body,
  );
  root.addEventListener("toggle", () => root.open && look(), { once: true });
  return root;
}

function deleteAccount(session, deleted) {
  const passphrase = passphraseField("Passphrase", "current-password");
  const sure = choice("Delete everything, for good", { type: "checkbox", required: true });
  const submit = el("button", { type: "submit", class: "danger" }, "Delete account");
  return part(
    "Delete account",
    "Your cards, your keys and everything that you share are deleted, and your connections end. Nobody can bring them back. What others have read already cannot be unread.",
    [passphrase, sure],
    submit,
    async () => {
      await session.deleteAccount({ passphrase: passphrase.input.value });
      deleted();
    },
    WRONG,
  );
}

/** The dialog with the actions on one's account. `changed` is called for a new passphrase, `deleted` for the account. */
export function settingsDialog(session, { changed, deleted }) {
  function showKey(recoveryKey) {
    let kept = () => {};
    hold(dialog, () => new Promise((resolve) => (kept = resolve)));
    body.replaceChildren(...recoveryKeyParts(recoveryKey, () => (kept(), dialog.close())));
    body.querySelector("button").focus();
  }
  const body = el(
    "div",
    { class: "parts" },
    changePassphrase(session, () => (dialog.close(), changed())),
    makeRecoveryKey(session, showKey),
    confirmEmail(session),
    deleteAccount(session, deleted),
  );
  const dialog = openDialog("Your account", body);
}
