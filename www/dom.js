// Small helpers to build the page. Nothing here parses HTML: text stays text.

let ids = 0;

/** An id that no other element has. */
export const makeId = (prefix) => `${prefix}-${++ids}`;

/** Makes an element. Properties are attributes, except `on`, which maps event names to listeners. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Text that a person typed, in this tab or another one, with its own writing direction. */
export const userText = (text) => el("bdi", { dir: "auto" }, text);

/** Text for screen readers alone. */
export const hidden = (text) => el("span", { class: "sr" }, text);

/** A button. `what` tells buttons with the same words apart for screen readers. */
export function button(text, listener, { what, kind, ...props } = {}) {
  return el(
    "button",
    { type: "button", class: kind, on: { click: listener }, ...props },
    text,
    what === undefined ? null : hidden(` ${what}`),
  );
}

/** A labelled input (or `tag`), with an optional hint. */
export function field(label, { tag = "input", hint, ...props } = {}, ...children) {
  const id = makeId("field");
  const hintId = hint ? `${id}-hint` : null;
  const input = el(tag, { id, "aria-describedby": hintId, ...props }, ...children);
  const root = el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    input,
    hint ? el("p", { id: hintId, class: "hint" }, hint) : null,
  );
  return { root, input };
}

/** An input for a name: one line, not only blanks, and no longer than a record can hold. */
export const nameField = (label, props = {}) =>
  field(label, { required: true, pattern: ".*\\S.*", title: "Not only blanks.", maxlength: "250", autocomplete: "off", dir: "auto", ...props });

/** A checkbox or radio button with its label behind it. */
export function choice(label, props) {
  const input = el("input", props);
  return { root: el("label", { class: "choice" }, input, el("span", {}, label)), input };
}

/** A section with a heading; `tools` stand beside the heading. */
export function section(title, { tools = [], intro, look = "" } = {}, ...children) {
  const id = makeId("heading");
  return el(
    "section",
    { class: `panel ${look}`.trim(), "aria-labelledby": id },
    el("div", { class: "panel-head" }, el("h2", { id, tabindex: "-1" }, title), el("div", { class: "actions" }, tools)),
    intro ? el("p", { class: "muted intro" }, intro) : null,
    ...children,
  );
}

/**
 * Runs `run` while `trigger` is disabled and marked as busy, and shows an error in `problem`. A disabled button loses the
 * focus; it gets it back unless the focus went elsewhere.
 */
export async function during(trigger, problem, run) {
  if (trigger.disabled) return;
  const focused = document.activeElement === trigger;
  problem.clear();
  trigger.disabled = true;
  trigger.setAttribute("aria-busy", "true");
  try {
    await run();
  } catch (error) {
    problem.show(error);
  } finally {
    trigger.disabled = false;
    trigger.removeAttribute("aria-busy");
    const lost = document.activeElement === null || document.activeElement === document.body;
    if (focused && lost && trigger.isConnected) trigger.focus();
  }
}

/** A form that never leaves the page: `submit` is called with the button that sends it. */
export function form(props, submit, ...children) {
  return el(
    "form",
    {
      ...props,
      on: {
        submit: (event) => {
          event.preventDefault();
          submit();
        },
      },
    },
    ...children,
  );
}

/** A button that copies `text()`; where the clipboard is closed, it selects `source` instead. */
export function copyButton(label, text, source) {
  let back;
  /** Keeps the width: a second click must not meet the neighbour. */
  const say = (words) => {
    copy.style.minInlineSize = `min(${copy.getBoundingClientRect().width}px, 100%)`;
    copy.replaceChildren(words);
  };
  const copy = button(label, async () => {
    let told = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      if (source instanceof HTMLInputElement) {
        source.focus();
        source.select();
      } else {
        getSelection().selectAllChildren(source);
      }
      told = "Selected: copy it with the keyboard";
    }
    say(told);
    clearTimeout(back);
    back = setTimeout(() => say(label), 2500);
  });
  copy.setAttribute("aria-live", "polite");
  return copy;
}
