import { use, useCallback, useEffect, useRef, useState, useTransition } from "react";
import { Vouchsafe } from "vouchsafe";

const services = import.meta.env.VITE_SERVICES ?? "http://127.0.0.1:8787";

// Once for the page, outside of React, which may render a component more than once.
const opened = Vouchsafe.open({ vault: `${services}/vault`, keystore: `${services}/keystore` });

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
    const entered = Object.fromEntries(new FormData(form, event.nativeEvent.submitter));
    start(async () => {
      try {
        await run(entered);
        form.reset();
        setProblem(null);
      } catch (error) {
        setProblem(error.message);
      }
    });
  };
  return { submit, busy, problem };
}

/** The newest records of a list, which is fetched again when something happens of a kind that it names in `on`. */
export function useList(session, { fetch, on }) {
  const [items, setItems] = useState([]);
  const latest = useRef(0);
  const refresh = useCallback(async () => {
    const turn = ++latest.current;
    const page = await fetch(session);
    // Unless a later answer was faster, or the component is gone.
    if (turn === latest.current) setItems(page.items.filter(({ error }) => !error));
  }, [session, fetch]);
  useEffect(() => {
    const end = session.on(on, refresh);
    refresh();
    return () => {
      end();
      latest.current += 1;
    };
  }, [session, on, refresh]);
  return { items, refresh };
}
