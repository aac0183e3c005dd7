// The main job: npm run demo [-- street.jpg [model.onnx]]. Without a picture it draws a street scene of its own.
import { mkdir } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { type Detection, Detector, drawScene, FourwayError, type Frame } from "../src/index.js";
import { annotate, readImage, writeImage } from "../src/node/index.js";

/** Seed and number of the drawn scene, and its size. */
const SCENE = { seed: 1, index: 6, width: 640, height: 400 };

function table({ presence, objects, ms }: Detection): string[] {
  const box = ({ x, y, width, height }: Detection["objects"][number]["box"]): string =>
    [x, y, width, height].map((v) => v.toFixed(0).padStart(6)).join("");
  return [
    ...Object.entries(presence).map(
      ([task, probability]) => `${task.padEnd(14)}${(100 * probability).toFixed(0).padStart(4)} % sure that one is there`,
    ),
    "",
    `${"object".padEnd(14)} score     x     y width height`,
    ...objects.map((object) => `${object.task.padEnd(14)}${object.score.toFixed(2).padStart(6)}${box(object.box)}`),
    objects.length === 0 ? "(none above the thresholds)" : "",
    `letterbox ${ms.letterbox.toFixed(1)} ms, network ${ms.network.toFixed(1)} ms, postprocess ${ms.postprocess.toFixed(1)} ms`,
  ];
}

async function main(picture: string | undefined, model: string | undefined): Promise<void> {
  const frame: Frame = picture === undefined ? drawScene(SCENE.seed, SCENE.index, SCENE).frame : await readImage(picture);
  const name = picture === undefined ? "scene" : basename(picture, extname(picture));
  using detector = await Detector.load(model);
  const detection = detector.detect(frame);
  console.log(`${picture ?? "a drawn street scene"}: ${frame.width} x ${frame.height}\n`);
  for (const line of table(detection)) console.log(line);
  await mkdir("out", { recursive: true });
  const target = join("out", `${name}.annotated.png`);
  await writeImage(target, await annotate(frame, detection.objects));
  console.log(`annotated picture: ${resolve(target)}`);
}

const [picture, model] = process.argv.slice(2);
try {
  await main(picture, model);
} catch (error) {
  if (!(error instanceof FourwayError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
