import { button, copyButton, during, el, field, form, section } from "./dom.js";
import { problemBox } from "./errors.js";
import { examplePerson, isExample } from "./example.js";
import { newPassphraseField, passphraseField, progressLine, withProgress } from "./passphrase.js";

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

/** Forgets the address of an account that is gone. */
export const forgetAccount = () => remembered.write("");

/**
 * Sign-up, sign-in and recovery. `app` is the promise of the client. `signedUp` gets the session and a recovery key to show,
 * `signedIn` the session.
 */
export function accountView(app, { invited, signedUp, signedIn }) {
  const root = el("div", {});

  function signUp() {
    const email = field("Email address", { type: "email", autocomplete: "username", required: true, value: remembered.read() });
    const passphrase = newPassphraseField("Passphrase");
    const problem = problemBox();
    const progress = progressLine();
    const submit = el("button", { type: "submit", class: "primary" }, "Create account");
    const example = button("Be an example person", () => {
      const person = examplePerson();
      email.input.value = person.email;
      passphrase.input.value = person.passphrase;
      passphrase.reveal();
      submit.form.requestSubmit();
    });
    const run = () =>
      during(submit, problem, () =>
        withProgress(progress, "Making your keys and stretching your passphrase. This takes a moment.", async () => {
          const chosen = passphrase.input.value;
          const made = await (await app).signUp({ email: email.input.value, passphrase: chosen });
          remembered.write(made.session.email);
          signedUp(made.session, made.recoveryKey, isExample(chosen) ? chosen : null);
        }),
      );
    return section(
      "Create an account",
      {
        intro: invited
          ? "Then you can answer the invitation. Your keys are made in this browser."
          : "Your keys are made in this browser. The servers keep them locked and cannot open them.",
      },
      el("div", { class: "example" }, el("p", {}, "Only trying it out? Use no real secrets."), example),
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
          const session = await (await app).signIn({ email: email.input.value, passphrase: passphrase.input.value });
          remembered.write(session.email);
          await signedIn(session);
        }),
      );
    return section(
      "Sign in",
      {},
      form({}, run, email.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
      el("p", { class: "switch" }, "Lost your passphrase? ", button("Use your recovery key", () => turn(recover), { kind: "link" })),
      el("p", { class: "switch" }, "New here? ", button("Create an account instead", () => turn(signUp), { kind: "link" })),
    );
  }

  function recover() {
    const email = field("Email address", { type: "email", autocomplete: "username", required: true, value: remembered.read() });
    const key = field("Recovery key", {
      autocomplete: "off",
      spellcheck: "false",
      required: true,
      class: "code",
      hint: "14 groups of four letters and digits. Small or capital letters do not matter.",
    });
    const passphrase = newPassphraseField("New passphrase");
    const problem = problemBox({
      wrong_credentials: "The email address and the recovery key do not belong together. Check both; a key that was replaced no longer works.",
    });
    const progress = progressLine();
    const submit = el("button", { type: "submit", class: "primary" }, "Recover account");
    const run = () =>
      during(submit, problem, () =>
        withProgress(progress, "Opening your keys and stretching your new passphrase. This takes a moment.", async () => {
          const made = await (await app).recover({
            email: email.input.value,
            recoveryKey: key.input.value,
            passphrase: passphrase.input.value,
          });
          remembered.write(made.session.email);
          signedUp(made.session, made.recoveryKey);
        }),
      );
    return section(
      "Recover your account",
      {
        intro:
          "The recovery key opens your account. You choose a new passphrase and get a new recovery key; the old ones stop working, and your other devices are signed out.",
      },
      form({}, run, email.root, key.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
      el("p", { class: "switch" }, "Found your passphrase? ", button("Sign in instead", () => turn(signIn), { kind: "link" })),
    );
  }

  function turn(view) {
    root.replaceChildren(view());
    root.querySelector("h2").focus();
  }

  root.append(remembered.read() ? signIn() : signUp());
  return root;
}

/** The recovery key, once. `done` goes on; `example` is the passphrase of somebody who did not choose one. */
export function recoveryKeyView(recoveryKey, done, example = null) {
  return section(
    "Your recovery key",
    {},
    ...recoveryKeyParts(recoveryKey, done),
    example === null
      ? null
      : el("p", { class: "small" }, "As this example person you sign in with the passphrase ", el("code", {}, example), ". The page keeps neither of the two."),
  );
}

/** What a recovery key is, the key, and the button that says that it is kept. */
export function recoveryKeyParts(recoveryKey, done) {
  const problem = problemBox();
  const goOn = button("I have written it down", () => during(goOn, problem, async () => done()), { kind: "primary" });
  const key = el("code", { class: "secret", role: "group", "aria-label": "Recovery key" }, recoveryKey);
  return [
    el(
      "p",
      {},
      "This key opens your account when you have lost your passphrase. It is shown now and never again. Write it down and keep it where only you find it.",
    ),
    key,
    el("div", { class: "actions" }, copyButton("Copy the recovery key", () => recoveryKey, key)),
    // In a row of its own: nothing that changes its width brings it under a pointer that meant to copy.
    el("div", { class: "actions end" }, goOn),
    problem.root,
  ];
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
        await unlocked();
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
