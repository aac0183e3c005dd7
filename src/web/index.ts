// "fourway/element": defines <fourway-camera>. On a server it does nothing but export.
import { FourwayCamera } from "./element.js";

export { FourwayCamera } from "./element.js";
export { colourOf } from "./overlay.js";
export type { Pick } from "./stage.js";
export { type CameraState, type CameraWords, ENGLISH } from "./words.js";

declare global {
  interface HTMLElementTagNameMap {
    "fourway-camera": FourwayCamera;
  }
}

if (globalThis.customElements && !customElements.get("fourway-camera")) customElements.define("fourway-camera", FourwayCamera);
