import { button, el } from "./dom.js";

/** Pictures are looked at this often, in milliseconds, and no larger than this: a look stays far below what would make the page halt. */
const PAUSE = 125;
const LARGEST = 640;

const INSECURE = "The camera works only on a page that was loaded securely. Open it through https or on localhost.";
const LOST = "The camera was taken away. Start it again.";
const UNREADY = "Reading codes could not be made ready. Check the connection and try again.";

/** What to do, for each reason for which a browser gives no camera. */
const REASONS = {
  NotFoundError: "There is no camera here. Compare the number in another way.",
  OverconstrainedError: "There is no camera here. Compare the number in another way.",
  NotAllowedError: "This page may not use the camera. Allow it in the browser's settings for this page, then start it again.",
  SecurityError: "This page may not use the camera. Allow it in the browser's settings for this page, then start it again.",
  NotReadableError: "The camera is busy. Close what else uses it, then start it again.",
  AbortError: "The camera is busy. Close what else uses it, then start it again.",
};

/** Reads the QR code in a video's picture, or gives null. The browser's own reader goes first; not every browser has one. */
async function makeReader() {
  const native = await window.BarcodeDetector?.getSupportedFormats().catch(() => []);
  if (native?.includes("qr_code")) {
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    return (video) => detector.detect(video).then(([code]) => code?.rawValue ?? null, () => null);
  }
  const { decodeQR } = await import("./qr/decode.js");
  const canvas = el("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, LARGEST / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(context.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      return null;
    }
  };
}

/**
 * A panel with the camera's picture. Each new code it sees goes to `found`, as text; `problem` is the box where it is told why
 * there is no picture. No picture is kept: each is looked at and overwritten.
 */
export function scanner({ found, problem }) {
  const video = el("video", { playsinline: true, "aria-hidden": "true" });
  video.muted = true;
  const state = el("p", { class: "hint", role: "status" });
  const again = button("Start the camera", () => start());
  const root = el("div", { class: "scanner" }, el("div", { class: "scanner-picture" }, video), state, el("div", { class: "actions" }, again));

  /** The stream in use. A number tells a start that was overtaken by a stop, or by another start. */
  let stream = null;
  let turn = 0;

  function show(running, text) {
    root.classList.toggle("running", running);
    again.hidden = running;
    state.replaceChildren(text);
  }

  function release() {
    turn += 1;
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
    document.removeEventListener("visibilitychange", hide);
  }

  function stop() {
    release();
    show(false, "The camera is off.");
  }

  function hide() {
    if (document.hidden) stop();
  }

  function fail(text) {
    stop();
    problem.explain(el("p", {}, text));
  }

  async function start() {
    release();
    problem.clear();
    if (!window.isSecureContext || navigator.mediaDevices === undefined) return fail(INSECURE);
    const mine = turn;
    show(true, "Waiting for the camera …");
    document.addEventListener("visibilitychange", hide);
    let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      if (mine === turn) fail(REASONS[error.name] ?? `The camera did not start: ${error.message}`);
      return;
    }
    if (mine !== turn) {
      for (const track of opened.getTracks()) track.stop();
      return;
    }
    stream = opened;
    const [track] = opened.getVideoTracks();
    track.addEventListener("ended", () => mine === turn && fail(LOST));
    // People aim into a mirror more easily, unless the camera looks away from them.
    video.classList.toggle("mirrored", track.getSettings().facingMode !== "environment");
    video.srcObject = opened;
    try {
      const [read] = await Promise.all([makeReader(), video.play()]);
      if (mine !== turn) return;
      show(true, "Hold the code in front of the camera, so that it fills half of the picture.");
      look(read, mine);
    } catch {
      if (mine === turn) fail(UNREADY);
    }
  }

  /** Looks at one picture after the other until the camera stops. */
  function look(read, mine) {
    const next = (frame) =>
      typeof video.requestVideoFrameCallback === "function" ? video.requestVideoFrameCallback(frame) : requestAnimationFrame(frame);
    let last = -Infinity;
    let seen = null;
    const frame = async () => {
      if (mine !== turn) return;
      const now = performance.now();
      if (now - last >= PAUSE) {
        last = now;
        const text = video.videoWidth > 0 ? await read(video) : null;
        if (mine !== turn) return;
        if (text !== null && text !== seen) {
          seen = text;
          found(text);
        }
      }
      if (mine === turn) next(frame);
    };
    next(frame);
  }

  stop();
  return { root, start, stop };
}
