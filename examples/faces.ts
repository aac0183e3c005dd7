// Points of faces, MTCNN's kind of task, from labels of two kinds: frames with box and points, crops with points only.
// node dist/examples/faces.js FACES [seeds] [steps]: FACES holds frames/ and crops/, each with labels.jsonl, an object a line:
//   {"image", "width", "height", "split", "group", "faces": [{"box": [x, y, w, h] or null, "points": [[x, y], ...]}]}
// It trains with and without the crops, from the shipped model's trunk, and prints the points' error on frames that it has not seen.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Box, Detector, evaluate, type Sample, saveModel } from "../src/index.js"; // "fourway"
import { annotate, readImage, trainFiles, writeImage } from "../src/node/index.js"; // "fourway/node"

const [folder = "faces", seeds = 3, steps = 300] = process.argv.slice(2).map((word, i) => (i === 0 ? word : Number(word))) as [
  string,
  number,
  number,
];
/** In the mirror the eyes change places, and so do the mouth's corners. */
const MIRROR = [1, 0, 2, 4, 3];
const OUT = join("out", "faces");

interface Face {
  box: [number, number, number, number] | null;
  points: [number, number][];
}

/** A set's lines as samples: a face without a box is present, its points are known, its box is not. */
async function readFaces(set: string): Promise<Sample[]> {
  const lines = (await readFile(join(folder, set, "labels.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const { image, faces, ...rest } = JSON.parse(line) as Pick<Sample, "image" | "width" | "height" | "split" | "group"> & {
      faces: Face[];
    };
    const boxes = faces.flatMap(({ box }): Box[] => (box ? [{ x: box[0], y: box[1], width: box[2], height: box[3] }] : []));
    return {
      ...rest,
      image: join(folder, set, image),
      set,
      labels: { face: boxes.length === faces.length ? boxes : true },
      points: { face: faces.map(({ points }) => points.flat()) },
      ignore: {},
    };
  });
}

const frames = await readFaces("frames");
const crops = (await readFaces("crops")).filter(({ split }) => split === "train");
const trunk = await readFile(new URL("../../models/fourway-s.onnx", import.meta.url));
const train = frames.filter(({ split }) => split === "train");
const val = frames.filter(({ split }) => split === "val");
await mkdir(OUT, { recursive: true });
console.log(`${train.length} frames and ${crops.length} crops to learn from, ${val.length} frames to measure on, ${steps} steps`);
for (let seed = 1; seed <= seeds; seed++)
  for (const [name, samples] of [["frames", train] as const, ["frames and crops", [...train, ...crops]] as const]) {
    const { model } = await trainFiles(samples, {
      out: join(OUT, `${name.replaceAll(" ", "-")}-${seed}.onnx`),
      tasks: ["face"],
      network: { points: MIRROR, trunk },
      pixels: 8192,
      batch: 16,
      steps,
      seed,
    });
    using detector = await Detector.load(saveModel(model));
    const found = [];
    for (const { image } of val) found.push(detector.detect(await readImage(image), { minScore: 0.01 }));
    const { ap50, points } = evaluate(["face"], val, found).tasks[0]!;
    console.log(
      `seed ${seed}, ${name}: AP50 ${ap50?.toFixed(3)}, points' error ${points?.error?.toFixed(4)} in ${points?.found} of ${points?.objects}`,
    );
    const picture = await readImage(val[0]!.image);
    await writeImage(join(OUT, `${name.replaceAll(" ", "-")}-${seed}.png`), await annotate(picture, detector.detect(picture).objects));
  }
