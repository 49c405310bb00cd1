import { button, choice, during, el, makeId } from "./dom.js";
import { problemBox } from "./errors.js";
import { icon } from "./icon.js";
import { ATTACKS } from "./lies.js";
import { calm } from "./marks.js";
import { refusalList } from "./refusals.js";
import { setStatus } from "./status.js";

/** Shows a section of the person's side, with the focus on its heading. */
function goTo(section) {
  const heading = [...document.querySelectorAll("#primary h2")].find(({ textContent }) => textContent === section);
  heading.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
  heading.focus({ preventScroll: true });
}

const HONEST = { id: null, name: "Honest servers" };

/** A radio button of `group` for one attack, and beside it whether the browser refused it; `chosen` is called with the button. */
function option(attack, group, chosen) {
  const made = choice(attack.name, { type: "radio", name: group, value: attack.id ?? "" });
  made.input.addEventListener("change", () => chosen(made.input, attack));
  // The outcome stands beside the name and is no part of it.
  const id = makeId("outcome");
  const outcome = el("span", { id, class: "outcome", hidden: true }, icon("tick"), "refused");
  const wasRefused = (yes) => {
    outcome.hidden = !yes;
    if (yes) made.input.setAttribute("aria-describedby", id);
    else made.input.removeAttribute("aria-describedby");
  };
  return { input: made.input, wasRefused, attack, root: el("div", { class: "attack-choice" }, made.root, outcome) };
}

/** The text on an attack; `lack` is the place for a note on what is missing. */
function explanation(attack, lack) {
  const task = attack.task.map((part) => (typeof part === "string" ? part : button(part.text, () => goTo(part.section), { kind: "link" })));
  return [
    el("p", {}, attack.lie),
    el("p", {}, el("strong", {}, "Try it: "), ...task),
    lack,
    attack.note ? el("p", { class: "small muted" }, attack.note) : "",
  ];
}

const askFor = (account) => fetch(`/demo/attacks?account=${account}`, { headers: { accept: "application/json" } }).catch(() => null);

const order = (account, attack) =>
  fetch("/demo/attacks", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account, attack }),
  }).catch(() => null);

/** A switch that makes the servers lie to this person alone, and the list of what the browser refused. */
export class AttacksView {
  #refresh;
  #problem = problemBox();
  #refusals = refusalList();
  #explained = el("div", { class: "attack-now", "aria-live": "polite" });
  #lack = el("p", { class: "small muted" });
  #options;
  #account = null;
  /** The attack that goes on, or `null`. */
  #current = null;
  #counts = { people: 0, cards: 0, edited: 0, files: 0 };
  /** The end of the newest order: orders go out one after the other, so that the last one stays. */
  #before = Promise.resolve();
  #latest = 0;

  /** `refresh` fetches the lists of the person's side again. */
  constructor({ refresh }) {
    this.#refresh = refresh;
    const group = makeId("attack");
    const chosen = (input, attack) => during(input, this.#problem, () => this.#turn(attack));
    this.#options = [HONEST, ...ATTACKS].map((attack) => option(attack, group, chosen));
    const choices = this.#options.map(({ root }) => root);
    this.root = el(
      "div",
      { class: "attacks" },
      el("p", { class: "small muted" }, "Let the servers lie, to this person alone, and see what your browser makes of it."),
      el("fieldset", { class: "plain attack-choices" }, el("legend", { class: "sr" }, "What the servers do"), choices),
      this.#problem.root,
      this.#explained,
      el("h3", {}, "What your browser refused"),
      ...this.#refusals.nodes,
    );
    this.#show(null);
  }

  /** Whether the servers lie to this person now. */
  isLying() {
    return this.#current !== null;
  }

  /** Notes a refusal, once for each record. Returns the step that it came at, or `null`. */
  refused(refusal) {
    const { step, isNew } = this.#refusals.add(refusal, this.#current?.id);
    if (isNew && this.#current?.meant(refusal)) this.#options.find(({ attack }) => attack === this.#current).wasRefused(true);
    return step;
  }

  /** Notes how many people and cards there are. */
  count(given) {
    Object.assign(this.#counts, given);
    this.#tellLack();
  }

  /** The person whom the servers lie to; `null` for nobody. */
  belongsTo(id) {
    this.#account = id;
    this.#refusals.clear();
    for (const { wasRefused } of this.#options) wasRefused(false);
    this.#show(null);
    if (id !== null) this.#look();
  }

  async #turn(attack, shown = () => {}) {
    const mine = ++this.#latest;
    const asked = this.#account;
    this.#before = this.#before.then(() => order(asked, attack.id));
    const answer = await this.#before;
    if (mine !== this.#latest || asked !== this.#account) return;
    if (!answer?.ok) {
      this.#show(this.#current);
      throw new Error("The switch did not work. Is the demo still running? Try again.");
    }
    this.#refusals.beginAnew();
    this.#show(attack.id === null ? null : attack);
    shown();
    await this.#refresh();
  }

  #show(attack) {
    this.#current = attack;
    for (const each of this.#options) each.input.checked = each.attack.id === (attack?.id ?? null);
    this.#explained.replaceChildren();
    if (attack === null) {
      setStatus("attack", null);
      return;
    }
    this.#explained.append(...explanation(attack, this.#lack));
    this.#tellLack();
    setStatus("attack", { bad: true, text: `The servers lie to you. ${attack.told}`, action: this.#stopButton() });
  }

  #stopButton() {
    const [{ input }] = this.#options;
    // The button goes, and the focus must not go with it.
    const shown = () => (input.offsetParent === null ? document.getElementById("main") : input).focus();
    const stop = button("Be honest again", () => during(stop, this.#problem, () => this.#turn(HONEST, shown)));
    return stop;
  }

  /** Tells what the attack needs and does not find. */
  #tellLack() {
    const needs = this.#current?.needs;
    this.#lack.replaceChildren(needs !== undefined && this.#counts[needs.of] < needs.least ? needs.text : "");
  }

  /** Shows the attack that the servers were ordered to make, perhaps before a reload. */
  async #look() {
    const asked = this.#account;
    const answer = await askFor(asked);
    if (answer === null || this.#account !== asked) return;
    if (answer.status === 404) {
      for (const each of this.#options) each.input.disabled = true;
      this.#problem.explain(el("p", {}, "This server does not lie on demand. The demo’s does: cargo xtask demo."));
      return;
    }
    if (!answer.ok) return;
    const { attack } = await answer.json();
    if (this.#account === asked) this.#show(ATTACKS.find(({ id }) => id === attack) ?? null);
  }
}
