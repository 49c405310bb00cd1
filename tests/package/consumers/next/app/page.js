// Runs on the server: the import must not touch what only a browser has.
import { Vouchsafe, isVouchsafeError } from "vouchsafe";
import Flow from "./flow-view.js";

export default function Page() {
  return (
    <main>
      <p>
        On the server: {typeof Vouchsafe.open}, {String(isVouchsafeError(null))}
      </p>
      <Flow />
    </main>
  );
}
