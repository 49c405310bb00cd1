import { button, choice, copyButton, during, el, field, form, section } from "./dom.js";
import { problemBox } from "./errors.js";

const EMAIL = "vouchsafe-demo-email";

/** The email address is all that outlives a reload, and only in this tab. */
const remembered = {
  read() {
    try {
      return sessionStorage.getItem(EMAIL) ?? "";
    } catch {
      return "";
    }
  },
  write(email) {
    try {
      sessionStorage.setItem(EMAIL, email);
    } catch {
      // A browser that keeps nothing asks for the address again.
    }
  },
};

function passphraseField(label, autocomplete, hint) {
  const passphrase = field(label, { type: "password", autocomplete, required: true, hint });
  const show = choice("Show passphrase", { type: "checkbox" });
  show.input.addEventListener("change", () => {
    passphrase.input.type = show.input.checked ? "text" : "password";
  });
  passphrase.root.append(show.root);
  return passphrase;
}

/** The line under a button while a passphrase is stretched. */
function progressLine() {
  const root = el("div", { class: "progress", role: "status" });
  return {
    root,
    show: (text) => root.replaceChildren(el("progress", { "aria-label": text }), el("span", {}, text)),
    clear: () => root.replaceChildren(),
  };
}

/** Runs `run` with a progress line that names what is going on. */
async function withProgress(progress, text, run) {
  progress.show(text);
  try {
    return await run();
  } finally {
    progress.clear();
  }
}

/** Sign-up and sign-in. `signedUp` gets the session and the recovery key, `signedIn` the session. */
export function accountView(app, { signedUp, signedIn }) {
  const root = el("div", {});

  function signUp() {
    const email = field("Email address", { type: "email", autocomplete: "username", required: true, value: remembered.read() });
    const passphrase = passphraseField(
      "Passphrase",
      "new-password",
      "At least 8 characters; several words are best. It never leaves this tab, so nobody can send it to you again.",
    );
    passphrase.input.minLength = 8;
    const problem = problemBox();
    const progress = progressLine();
    const submit = el("button", { type: "submit", class: "primary" }, "Create account");
    const run = () =>
      during(submit, problem, () =>
        withProgress(progress, "Making your keys and stretching your passphrase. This takes a moment.", async () => {
          const made = await app.signUp({ email: email.input.value, passphrase: passphrase.input.value });
          remembered.write(made.session.email);
          signedUp(made.session, made.recoveryKey);
        }),
      );
    return section(
      "Create an account",
      { intro: "Your keys are made in this browser. The server keeps them locked and cannot open them." },
      form({}, run, email.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
      el("p", { class: "switch" }, "Been here before? ", button("Sign in instead", () => turn(signIn), { kind: "link" })),
    );
  }

  function signIn() {
    const email = field("Email address", { type: "email", autocomplete: "username", required: true, value: remembered.read() });
    const passphrase = passphraseField("Passphrase", "current-password");
    const problem = problemBox();
    const progress = progressLine();
    const submit = el("button", { type: "submit", class: "primary" }, "Sign in");
    const run = () =>
      during(submit, problem, () =>
        withProgress(progress, "Stretching your passphrase. This takes a moment.", async () => {
          const session = await app.signIn({ email: email.input.value, passphrase: passphrase.input.value });
          remembered.write(session.email);
          signedIn(session);
        }),
      );
    return section(
      "Sign in",
      {},
      form({}, run, email.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
      el("p", { class: "switch" }, "New here? ", button("Create an account instead", () => turn(signUp), { kind: "link" })),
    );
  }

  function turn(view) {
    root.replaceChildren(view());
    root.querySelector("h2").focus();
  }

  root.append(remembered.read() ? signIn() : signUp());
  return root;
}

/** The recovery key, once. `done` goes on. */
export function recoveryKeyView(recoveryKey, done) {
  const key = el("code", { class: "secret", role: "group", "aria-label": "Recovery key" }, recoveryKey);
  return section(
    "Your recovery key",
    {},
    el(
      "p",
      {},
      "This key opens your account when you have lost your passphrase. It is shown now and never again. Write it down and keep it where only you find it.",
    ),
    key,
    el(
      "div",
      { class: "actions" },
      copyButton("Copy the recovery key", () => recoveryKey, key),
      button("I have written it down", done, { kind: "primary" }),
    ),
  );
}

/** What a locked session shows. */
export function lockedView(session, { unlocked, signOut }) {
  const passphrase = passphraseField("Passphrase", "current-password");
  const problem = problemBox({ wrong_credentials: "The passphrase is wrong. Try again." });
  const progress = progressLine();
  const submit = el("button", { type: "submit", class: "primary" }, "Unlock");
  const run = () =>
    during(submit, problem, () =>
      withProgress(progress, "Stretching your passphrase. This takes a moment.", async () => {
        await session.unlock({ passphrase: passphrase.input.value });
        unlocked();
      }),
    );
  return section(
    "Locked",
    { intro: "This tab has forgotten every key. Your passphrase brings them back." },
    form(
      {},
      run,
      // Password managers look for the account's name beside the passphrase.
      el("input", { type: "email", autocomplete: "username", value: session.email, readonly: true, hidden: true }),
      passphrase.root,
      el("div", { class: "actions" }, submit, button("Sign out instead", signOut)),
      progress.root,
      problem.root,
    ),
  );
}
