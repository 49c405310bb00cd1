import { button, copyButton, during, el, field, form, section } from "./dom.js";
import { problemBox } from "./errors.js";
import { examplePassphrase, examplePerson, notePassphrase } from "./example.js";
import { newPassphraseField, passphraseField, progressLine, withProgress } from "./passphrase.js";

const EMAIL = "vouchsafe-demo-email";

/** The email address, which alone outlives a reload, and only in this tab. */
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
      // Where the browser keeps nothing, the form asks for the address again.
    }
  },
};

/** Forgets the address of an account that is gone. */
export const forgetAccount = () => remembered.write("");

const emailField = () =>
  field("Email address", { type: "email", autocomplete: "username", required: true, value: remembered.read() });

/** Notes the address and passphrase of somebody who came in, and goes on with the session and the recovery key. */
function cameIn({ session, recoveryKey }, passphrase, signedUp) {
  remembered.write(session.email);
  notePassphrase(session.email, passphrase);
  signedUp(session, recoveryKey);
}

/** A line below a form that leads to another one. */
const leadTo = (question, wording, lead) => el("p", { class: "switch" }, question, " ", button(wording, lead, { kind: "link" }));

/** The form that makes an account. `beExample` fills it in with an example person and sends it. */
function signUpForm(app, { invited, signedUp, toSignIn }) {
  const email = emailField();
  const passphrase = newPassphraseField("Passphrase");
  const problem = problemBox();
  const progress = progressLine();
  const submit = el("button", { type: "submit" }, "Create account");
  const run = (line = progress) =>
    during(submit, problem, () =>
      withProgress(line, "Making your keys and stretching your passphrase. This takes a moment.", async () => {
        const given = { email: email.input.value, passphrase: passphrase.input.value };
        cameIn(await (await app).signUp(given), given.passphrase, signedUp);
      }),
    );
  // On a phone the end of the form is out of sight: the box has a line of its own.
  const exampleProgress = progressLine();
  const beExample = () => {
    if (submit.disabled) return;
    const person = examplePerson();
    email.input.value = person.email;
    passphrase.input.value = person.passphrase;
    passphrase.reveal();
    run(exampleProgress);
  };
  const root = section(
    "Create an account",
    {
      intro: invited
        ? "Then you can answer the invitation. Your keys are made in this browser."
        : "Your keys are made in this browser. The servers keep them locked and cannot open them.",
    },
    el(
      "div",
      { class: "example" },
      el("p", {}, "Makes an account with a made-up name, in one click."),
      button("Be an example person", beExample, { kind: "primary" }),
      exampleProgress.root,
    ),
    form({}, () => run(), email.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
    leadTo("Been here before?", "Sign in instead", toSignIn),
  );
  return { root, beExample };
}

function signInForm(app, { signedIn, toRecover, toSignUp, asExample }) {
  const email = emailField();
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
    fillExample(remembered.read(), passphrase, () => (email.input.value = remembered.read())),
    form({}, run, email.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
    leadTo("Lost your passphrase?", "Use your recovery key", toRecover),
    leadTo("New here?", "Create an account instead", toSignUp),
    leadTo("Only trying it out?", "Be an example person", asExample),
  );
}

function recoveryForm(app, { signedUp, toSignIn }) {
  const email = emailField();
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
        const given = { email: email.input.value, recoveryKey: key.input.value, passphrase: passphrase.input.value };
        cameIn(await (await app).recover(given), given.passphrase, signedUp);
      }),
    );
  return section(
    "Recover your account",
    {
      intro:
        "The recovery key opens your account. You choose a new passphrase and get a new recovery key; the old ones stop working, and your other devices are signed out.",
    },
    form({}, run, email.root, key.root, passphrase.root, el("div", { class: "actions" }, submit), progress.root, problem.root),
    leadTo("Found your passphrase?", "Sign in instead", toSignIn),
  );
}

/**
 * The forms to sign up, sign in and recover; `recovering` begins with the last. `app` is the promise of the client. `signedUp`
 * gets the session and a recovery key to show, `signedIn` the session.
 */
export function accountView(app, { invited, recovering = false, signedUp, signedIn }) {
  const root = el("div", {});
  const toSignUp = () => turn(signUp);
  const toSignIn = () => turn(signIn);
  const toRecover = () => turn(recover);
  let beExample;

  function signUp() {
    const made = signUpForm(app, { invited, signedUp, toSignIn });
    beExample = made.beExample;
    return made.root;
  }
  const signIn = () => signInForm(app, { signedIn, toRecover, toSignUp, asExample });
  const recover = () => recoveryForm(app, { signedUp, toSignIn });

  function turn(view) {
    // Nobody comes in by two forms at once.
    if (root.querySelector('[aria-busy="true"]')) return;
    root.replaceChildren(view());
    root.querySelector("h2").focus();
  }

  function asExample() {
    turn(signUp);
    beExample();
  }

  root.append(recovering ? recover() : remembered.read() ? signIn() : signUp());
  return root;
}

/** Offers to fill in the passphrase of `email`, if that is an example person of this tab; `also` fills in the rest. */
function fillExample(email, passphrase, also = () => {}) {
  const known = examplePassphrase(email);
  if (known === null) return null;
  const fill = () => {
    also();
    passphrase.input.value = known;
    passphrase.reveal();
    passphrase.input.focus();
  };
  return el(
    "div",
    { class: "example" },
    el("p", {}, "This tab still knows the passphrase."),
    button("Fill in the example’s passphrase", fill),
  );
}

/** The panel that shows the recovery key of `email`, once, and the passphrase of an example person. `done` goes on. */
export function recoveryKeyView(email, recoveryKey, done) {
  const passphrase = examplePassphrase(email);
  return section("Your recovery key", {}, ...recoveryKeyParts(recoveryKey, done, passphrase === null ? [] : [passphraseOfExample(passphrase)]));
}

function passphraseOfExample(passphrase) {
  const shown = el("code", { class: "secret", role: "group", "aria-label": "Passphrase" }, passphrase);
  return el(
    "div",
    { class: "sub-section" },
    el("h3", {}, "The example’s passphrase"),
    el("p", {}, "You sign in with it. This tab knows it until you close or reload it."),
    shown,
    el("div", { class: "actions" }, copyButton("Copy the passphrase", () => passphrase, shown)),
  );
}

/** An explanation of the recovery key, the key, `more`, and the button that says that it is kept. */
export function recoveryKeyParts(recoveryKey, done, more = []) {
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
    ...more,
    // A row of its own: the copy button changes its width, and must not bring this one under the pointer.
    el("div", { class: "actions end" }, goOn),
    problem.root,
  ];
}

/** The panel of a locked session. */
export function lockedView(session, { unlocked, signOut, recover }) {
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
    fillExample(session.email, passphrase),
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
    el("p", { class: "switch" }, "Lost your passphrase? ", button("Use your recovery key", recover, { kind: "link" })),
  );
}
