declare global {
  var jsQR: typeof import("jsqr").default;
}
export {};
