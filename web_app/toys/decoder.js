// Finds a QR code in a picture: with what the browser brings, else with a library that is fetched only then.

/** The text of the code that is seen now, or null. @typedef {(video: HTMLVideoElement) => Promise<string | null>} Decode */

/** Pixels of the side that is looked at: enough for a code that fills a third of it, and done in some milliseconds. */
const SIDE = 480;

/** @returns {Promise<Decode>} */
export async function makeDecoder() {
  const Native = /** @type {any} */ (globalThis).BarcodeDetector;
  if ((await Native?.getSupportedFormats())?.includes("qr_code")) return nativeDecoder(new Native({ formats: ["qr_code"] }));
  await import("../vendor/jsQR.js");
  return libraryDecoder(document.createElement("canvas"));
}

/** @param {{ detect: (video: HTMLVideoElement) => Promise<{ rawValue: string }[]> }} detector @returns {Decode} */
const nativeDecoder = (detector) => async (video) => (await detector.detect(video))[0]?.rawValue ?? null;

/** @param {HTMLCanvasElement} canvas @returns {Decode} */
function libraryDecoder(canvas) {
  canvas.width = canvas.height = SIDE;
  const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  return async (video) => {
    // The square in the middle, which is also what is shown.
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (!side) return null;
    const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    paper.drawImage(video, left, top, side, side, 0, 0, SIDE, SIDE);
    const { data } = paper.getImageData(0, 0, SIDE, SIDE);
    return jsQR(data, SIDE, SIDE)?.data || null;
  };
}
