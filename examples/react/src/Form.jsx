import { useSubmit } from "./hooks.js";

/** A form that waits while its call is under way, and shows what went wrong. */
export function Form({ run, children }) {
  const { submit, busy, problem } = useSubmit(run);
  return (
    <form onSubmit={submit}>
      <fieldset disabled={busy}>{children}</fieldset>
      <Problem text={problem} />
    </form>
  );
}

const Problem = ({ text }) => text && <p role="alert">{text}</p>;

export const Section = ({ title, problem, children }) => <section><h2>{title}</h2><Problem text={problem} />{children}</section>;

export const Input = ({ label, ...props }) => <label>{label} <input required {...props} /></label>;
