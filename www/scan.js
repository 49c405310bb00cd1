import { button, el } from "./dom.js";

/** Milliseconds between two looks at the picture. */
const PAUSE = 125;
/** Pixels of the longer side at which a picture is looked at: a look stays far below what would make the page halt. */
const LARGEST = 640;

const INSECURE = "The camera works only on a page that was loaded securely. Open it through https or on localhost.";
const LOST = "The camera was taken away. Start it again.";
const UNREADY = "Reading codes could not be made ready. Check the connection and try again.";

/** Advice for each reason for which a browser gives no camera. */
const REASONS = {
  NotFoundError: "There is no camera here. Compare the number in another way.",
  OverconstrainedError: "There is no camera here. Compare the number in another way.",
  NotAllowedError: "This page may not use the camera. Allow it in the browser's settings for this page, then start it again.",
  SecurityError: "This page may not use the camera. Allow it in the browser's settings for this page, then start it again.",
  NotReadableError: "The camera is busy. Close what else uses it, then start it again.",
  AbortError: "The camera is busy. Close what else uses it, then start it again.",
};

/**
 * Makes the reader that gives the text of the QR code in a video's picture, or null: the browser's own, and the page's where the
 * browser has none.
 */
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

/** Calls `frame` when the video has a new picture. */
const onPicture = (video, frame) =>
  typeof video.requestVideoFrameCallback === "function" ? video.requestVideoFrameCallback(frame) : requestAnimationFrame(frame);

/** Looks at one picture after the other with `read` while `isOn`. Each new code goes to `found`. */
function look(video, read, isOn, found) {
  let last = -Infinity;
  let seen = null;
  const frame = async () => {
    if (!isOn()) return;
    const now = performance.now();
    if (now - last >= PAUSE) {
      last = now;
      const text = video.videoWidth > 0 ? await read(video) : null;
      if (!isOn()) return;
      if (text !== null && text !== seen) {
        seen = text;
        found(text);
      }
    }
    if (isOn()) onPicture(video, frame);
  };
  onPicture(video, frame);
}

const end = (stream) => {
  for (const track of stream?.getTracks() ?? []) track.stop();
};

/** A panel with the camera's picture. No picture is kept: each is looked at and overwritten. */
class Scanner {
  #found;
  #problem;
  #video = el("video", { playsinline: true, "aria-hidden": "true" });
  #state = el("p", { class: "hint", role: "status" });
  #again = button("Start the camera", () => this.start());
  #stream = null;
  /** Counts starts and stops, so that a start notices that it was overtaken. */
  #turn = 0;
  #hide = () => {
    if (document.hidden) this.stop();
  };

  constructor({ found, problem }) {
    this.#found = found;
    this.#problem = problem;
    this.#video.muted = true;
    const picture = el("div", { class: "scanner-picture" }, this.#video);
    this.root = el("div", { class: "scanner" }, picture, this.#state, el("div", { class: "actions" }, this.#again));
    this.stop();
  }

  async start() {
    this.#release();
    this.#problem.clear();
    if (!window.isSecureContext || navigator.mediaDevices === undefined) return this.#fail(INSECURE);
    const mine = this.#turn;
    this.#show(true, "Waiting for the camera …");
    document.addEventListener("visibilitychange", this.#hide);
    let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      if (mine === this.#turn) this.#fail(REASONS[error.name] ?? `The camera did not start: ${error.message}`);
      return;
    }
    if (mine !== this.#turn) return end(opened);
    await this.#watch(opened, mine);
  }

  stop() {
    this.#release();
    this.#show(false, "The camera is off.");
  }

  /** Shows the pictures of the stream that the start `mine` opened, and looks for codes in them. */
  async #watch(opened, mine) {
    const isOn = () => mine === this.#turn;
    this.#stream = opened;
    const [track] = opened.getVideoTracks();
    track.addEventListener("ended", () => isOn() && this.#fail(LOST));
    // People aim into a mirror more easily, unless the camera looks away from them.
    this.#video.classList.toggle("mirrored", track.getSettings().facingMode !== "environment");
    this.#video.srcObject = opened;
    try {
      const [read] = await Promise.all([makeReader(), this.#video.play()]);
      if (!isOn()) return;
      this.#show(true, "Hold the code in front of the camera, so that it fills half of the picture.");
      look(this.#video, read, isOn, this.#found);
    } catch {
      if (isOn()) this.#fail(UNREADY);
    }
  }

  #show(running, text) {
    this.root.classList.toggle("running", running);
    this.#again.hidden = running;
    this.#state.replaceChildren(text);
  }

  #release() {
    this.#turn += 1;
    end(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
    document.removeEventListener("visibilitychange", this.#hide);
  }

  #fail(text) {
    this.stop();
    this.#problem.explain(el("p", {}, text));
  }
}

/** A panel to scan with. Each new code goes to `found`, as text; `problem` is the box that says why there is no picture. */
export function scanner({ found, problem }) {
  const made = new Scanner({ found, problem });
  return { root: made.root, start: () => made.start(), stop: () => made.stop() };
}
