// Multi-task learning in one file: one picture in, one logit a task out. node dist/examples/lecture.js [scenes] [epochs]
//
//   picture -> shared trunk -> features -> mean over the picture -> z_car, z_light, ...     p_t = 1 / (1 + e^-z_t)
//   cost = mean over the pictures of the sum over the labelled tasks of -y log p - (1 - y) log(1 - p)
//
// A label is yes (1), no (0) or ? (nobody looked). Where it is ?, the task adds nothing to the cost, so that picture teaches the trunk through the
// other tasks only. Four networks with a logit each would learn from their own labels alone; here all labels train one trunk.
import { readFile } from "node:fs/promises";
import { Detector, drawScene, evaluate, type Found, type Label, type Sample, TASKS, type Task } from "../src/index.js"; // "fourway"
import { train } from "../src/train/index.js"; // "fourway/train"

const [count = 600, epochs = 12] = process.argv.slice(2).map(Number);
/** Of four labels about so many are ?, as in sets that were put together from several sources. */
const UNKNOWN = 0.4;
const PIXELS = 15360; // about 160 x 96

/** Whether somebody looked: spread evenly over pictures and tasks by multiples of the golden ratio. */
const isKnown = (picture: number, task: number): boolean => (0.618034 * (picture + 0.5) + 0.27 * task) % 1 >= UNKNOWN;

/** Yes, no or ?: true is yes, [] is no, null is ?. */
function labelOf(isThere: boolean, known: boolean): Label {
  if (!known) return null;
  return isThere ? true : [];
}

// 1. Data: drawn streets; a share of the labels is thrown away, in the train split only.
const scenes = Array.from({ length: count }, (_, i) => drawScene(1, i, { width: 240, height: 144 }));
const samples = scenes.map(({ frame, labels }, i): Sample => {
  const split = i % 5 === 0 ? "val" : "train";
  return {
    image: `${i}`,
    width: frame.width,
    height: frame.height,
    split,
    group: `${i}`,
    set: "drawn",
    labels: Object.fromEntries(TASKS.map((task, t) => [task, labelOf(labels[task]!.length > 0, split === "val" || isKnown(i, t))])),
    ignore: {},
  };
});
const told = (task: Task, label: (value: Label) => boolean): number =>
  samples.filter(({ split, labels }) => split === "train" && label(labels[task]!)).length;
console.log("train    yes   no    ?");
for (const task of TASKS)
  console.log(
    task.padEnd(14),
    [told(task, (l) => l === true), told(task, (l) => Array.isArray(l)), told(task, (l) => l === null)].join("  "),
  );

// 2. Training: forward, cost and gradients in WebAssembly; the trunk is the shipped model's, the heads are new. The cost of each task is printed after each pass over the pictures.
const { model } = await train(samples, {
  read: (image) => scenes[Number(image)]!.frame,
  network: { heads: "presence", trunk: await readFile(new URL("../../models/fourway-s.onnx", import.meta.url)) },
  pixels: PIXELS,
  epochs,
  batch: 16,
  valEvery: 0,
  onEvent(event) {
    if (event.kind === "epoch")
      console.log(`epoch ${event.epoch}: cost`, TASKS.map((task, t) => `${task} ${event.losses[t]!.toFixed(3)}`).join("  "));
  },
});

// 3. What it learned: the average precision of presence on pictures that it has not seen, and what guessing would have.
const detector = await Detector.load(model);
const val = samples.filter(({ split }) => split === "val");
const found: Found[] = val.map(({ image }) => detector.detect(scenes[Number(image)]!.frame));
for (const { task, presenceAp, counts } of evaluate(TASKS, val, found).tasks)
  console.log(
    task.padEnd(14),
    `presence AP ${presenceAp?.toFixed(3) ?? "-"}`,
    `guessing ${(counts.positives / Math.max(1, val.length)).toFixed(3)}`,
  );

// 4. One picture in, one probability a task out.
console.log(detector.detect(scenes[0]!.frame).presence);
detector.dispose();
