import { use, useEffect, useState, useTransition } from "react";
import { Vouchsafe } from "vouchsafe";

const services = import.meta.env.VITE_SERVICES ?? "http://127.0.0.1:8787";

// Once for the page, outside of React, which may render a component more than once. Senders hear what is read here.
const opened = Vouchsafe.open({ vault: `${services}/vault`, keystore: `${services}/keystore`, receipts: true });

/** Vouchsafe. A component waits (`Suspense`) until the module is there. */
export const useVouchsafe = () => use(opened);

/** The invitation that led here, until it is forgotten. Its secret does not stay in the address bar. */
export function useInvitation() {
  const vouchsafe = useVouchsafe();
  const [link, setLink] = useState(() => vouchsafe.readLink(location));
  useEffect(() => history.replaceState(null, "", location.pathname), []);
  return [link?.ticket, () => setLink(null)];
}

/** Does something with what was entered in a form: what to call on submit, whether it is at work, what went wrong. */
export function useSubmit(run) {
  const [problem, setProblem] = useState(null);
  const [busy, start] = useTransition();
  const submit = (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const entered = new FormData(form, event.nativeEvent.submitter);
    start(async () => {
      try {
        await run(Object.fromEntries(entered), entered);
        form.reset();
        setProblem(null);
      } catch (error) {
        setProblem(error.message);
      }
    });
  };
  return { submit, busy, problem };
}

/**
 * The newest records of a list, which is fetched again when something happens of a kind that it names in `on`. What this page, or
 * another tab of the same person, does is told as well.
 */
export function useList(session, { fetch, on }) {
  const [list, setList] = useState({ items: [], problem: null });
  useEffect(() => {
    let latest = 0;
    const refresh = async () => {
      const turn = ++latest;
      const next = await fetch(session).then(
        ({ items }) => ({ items: items.filter(({ error }) => !error), problem: null }),
        ({ message }) => ({ items: [], problem: message }),
      );
      // Unless a later answer was faster, or the component is gone.
      if (turn === latest) setList(next);
    };
    const ends = [session.on(on, refresh), session.on("missed", refresh)];
    refresh();
    return () => {
      latest = null;
      for (const end of ends) end();
    };
  }, [session, fetch, on]);
  return list;
}
