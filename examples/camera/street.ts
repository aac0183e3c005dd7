import { drawScene } from "../../src/index.js"; // "fourway"

const SIZE = { width: 640, height: 400 };
/** How long a scene is looked at, and how much of it a slow move of the camera leaves out. */
const SCENE_MS = 7000;
const MARGIN = 0.08;
const RATE = 25;

/** Drawn streets as a camera that moves slowly gives them, one after the other. */
export function drawnStreet(first = 8): { stream: MediaStream; stop(): void } {
  const canvas = Object.assign(document.createElement("canvas"), SIZE);
  const scene = Object.assign(document.createElement("canvas"), SIZE);
  const context = canvas.getContext("2d")!;
  let shown = -1;
  const start = performance.now();
  const draw = (): void => {
    const passed = (performance.now() - start) / SCENE_MS;
    if (Math.floor(passed) !== shown) {
      shown = Math.floor(passed);
      const { data, width, height } = drawScene(1, first + shown, SIZE).frame;
      scene.getContext("2d")!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
    }
    const sway = 0.5 - 0.5 * Math.cos(2 * Math.PI * (passed % 1));
    const [width, height] = [SIZE.width * (1 - MARGIN), SIZE.height * (1 - MARGIN)];
    context.drawImage(scene, MARGIN * SIZE.width * sway, 0.5 * MARGIN * SIZE.height, width, height, 0, 0, SIZE.width, SIZE.height);
  };
  draw();
  const timer = setInterval(draw, 1000 / RATE);
  return { stream: canvas.captureStream(RATE), stop: () => clearInterval(timer) };
}
