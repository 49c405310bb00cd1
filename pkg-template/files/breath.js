/** Gives the page its turn: browsers may encrypt on the page's own thread, and go from one step to the next without a break. */

/** Waits until what else waits was done. Timers would take longer, in a hidden tab a second. */
export function breathe() {
  return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
