import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Box } from "../../src/core/box.js";
import type { Frame } from "../../src/core/frame.js";
import { clip } from "../../src/data/read.js";
import { Detector } from "../../src/detect/detector.js";
import { evaluate } from "../../src/eval/scores.js";
import { Learner, memoryStore } from "../../src/learn/index.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel } from "../detect/models.js";
import { cameraFrame, smallFile, smallModel } from "./support.js";

const [WIDTH, HEIGHT, WIDE] = [448, 256, 960];
const largerFile = (): Uint8Array => readFileSync(fileURLToPath(new URL("../../../models/fourway-m.onnx", import.meta.url)));
const OPTIONS = { teacher: largerFile(), pixels: 120_000, what: "heads", steps: 60 } as const;
const SMALL = { memoryBytes: 4.2e6, seed: 7 };

/** A camera that turns along a drawn street: what it sees `x` pixels to the right, a little brighter. */
function view(scene: number, x: number, brighter = 0) {
  const wide = drawScene(11, scene, { width: WIDE, height: HEIGHT });
  const data = new Uint8Array(4 * WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++)
    for (let i = 0; i < 4 * WIDTH; i++) {
      const byte = wide.frame.data[4 * (y * WIDE + x) + i]!;
      data[4 * WIDTH * y + i] = i % 4 === 3 ? byte : Math.min(255, byte + brighter);
    }
  const seen = (boxes: readonly Box[], whole: boolean): Box[] =>
    boxes.flatMap((box) => {
      const part = clip({ ...box, x: box.x - x }, WIDTH, HEIGHT);
      return part && part.width > 0.6 * box.width === whole ? [part] : [];
    });
  const of = (task: string) => ({
    boxes: seen(wide.labels[task]!, true),
    open: [...seen(wide.labels[task]!, false), ...seen(wide.ignore[task]!, true), ...seen(wide.ignore[task]!, false)],
  });
  return { frame: { data, width: WIDTH, height: HEIGHT } satisfies Frame, of };
}

async function ap50(model: Parameters<typeof Detector.load>[0], task: string, scene: number): Promise<number> {
  using detector = await Detector.load(model);
  const views = Array.from({ length: 20 }, (_, i) => view(scene, 24 * i + 12, 15));
  const samples = views.map(({ of }, i) => {
    const { boxes, open } = of(task);
    const name = String(i);
    return {
      image: name,
      width: WIDTH,
      height: HEIGHT,
      split: "val",
      group: name,
      set: "drawn",
      labels: { [task]: boxes },
      ignore: { [task]: open },
    };
  });
  const found = views.map(({ frame }) => detector.detect(frame, { minScore: 0.001 }));
  return evaluate([task], samples, found).tasks[0]!.ap50!;
}

test("a small model finds more of what a camera sees after a larger one looked, without a label; the version says who taught", async () => {
  const learner = await Learner.open(smallFile(), SMALL);
  async function* frames(): AsyncGenerator<Frame> {
    for (let i = 0; i < 20; i++) yield view(4, 24 * i).frame;
  }
  const looked: number[] = [];
  const { added, tasks, fit, ...counts } = await learner.adapt(frames(), {
    ...OPTIONS,
    onProgress: (at) => void (at.phase === "look" && looked.push(at.frames)),
  });
  assert.deepEqual(counts, { looked: 20, passed: 0 });
  assert.deepEqual(looked.at(-1), 20);
  assert.equal(added.length, 20);
  assert.ok(tasks.trafficLight!.boxes > 20, JSON.stringify(tasks));
  assert.ok(!fit!.refused.includes("trafficLight"));
  assert.equal(fit!.guard.trafficLight!.by, "teacher");
  assert.ok(fit!.guard.trafficLight!.frames >= 4, "every fourth frame was held back");
  for (const frame of learner.frames) assert.match(frame.from!.trafficLight!, /^[0-9a-f]{12} at \d+ and 120000 pixels$/);
  const version = await learner.commit();
  assert.deepEqual([version.what, version.frames.length], ["heads", 20]);
  const [before, after] = [await ap50(smallModel(), "trafficLight", 4), await ap50(learner.model, "trafficLight", 4)];
  assert.ok(after > before + 0.03, `${before} to ${after}`);
});

test("a stopped look goes on where it was, and gives what one without a stop gives; frames that are known are passed over", async () => {
  const frames = Array.from({ length: 8 }, (_, i) => view(5, 60 * i).frame);
  const options = { ...OPTIONS, what: "thresholds", steps: undefined } as const;
  const whole = await Learner.open(smallFile(), SMALL);
  const expected = await whole.adapt(frames, options);
  assert.ok(expected.added.length > 0);

  const store = memoryStore();
  const learner = await Learner.open(smallFile(), { ...SMALL, store });
  const controller = new AbortController();
  const stopped = learner.adapt(frames, {
    ...options,
    signal: controller.signal,
    onProgress: (at) => at.phase === "look" && at.frames === 5 && controller.abort(),
  });
  await assert.rejects(stopped, { name: "AbortError" });
  assert.equal(learner.frames.length, 0, "nothing is learned from before all frames were looked at");
  const again = await Learner.open(smallFile(), { ...SMALL, store });
  const { looked, passed, added } = await again.adapt(frames, options);
  assert.deepEqual([looked, passed], [8, 4], "the frame that waited for the next is looked at again");
  assert.deepEqual(added, expected.added);
  const third = await again.adapt(frames, options);
  assert.deepEqual([third.looked, third.passed, third.added.length], [8, 8, 0]);
  assert.deepEqual(await store.list("adapt/frames/"), [], "frames that were kept aside are given up");
});

test("people's labels stand: their frames are not looked at, take the place of a teacher's, and alone decide in the guard", async () => {
  const learner = await Learner.open(smallFile(), SMALL);
  const frames = Array.from({ length: 8 }, (_, i) => view(5, 60 * i));
  const label = (i: number) => learner.add(frames[i]!.frame, { car: frames[i]!.of("car").boxes }, { sure: true });
  for (let i = 0; i < 4; i++) await label(i);
  const { looked, passed } = await learner.adapt(
    frames.map(({ frame }) => frame),
    OPTIONS,
  );
  assert.deepEqual([looked, passed], [4, 4]);
  const fromPeople = () => learner.frames.filter(({ from }) => !from);
  assert.equal(fromPeople().length, 4);
  const before = learner.frames.length;
  const taught = learner.frames.filter(({ from }) => from);
  assert.ok(
    taught.length > 0 && taught[0]!.held.length === 0,
    "held back are every fourth of people's and every fourth of a teacher's, counted apart",
  );
  await label(4);
  assert.deepEqual([learner.frames.length, fromPeople().length], [before, 5], "the same picture counts once");
  const { guard } = await learner.fit({ what: "heads", steps: 20 });
  assert.deepEqual([guard.car!.by, guard.car!.frames], ["people", 1]);
  assert.ok((await learner.evaluate()).car!.frames === 1);
});

test("what never moves is left open where a person said that nothing is there", async () => {
  const frames = Array.from({ length: 14 }, (_, i) => cameraFrame(6 * i + 6, { scene: 9 }).frame);
  const options = { ...OPTIONS, pixels: 61_440, what: "thresholds", steps: undefined } as const;
  const boxes = async (denied: boolean): Promise<number> => {
    const learner = await Learner.open(smallFile(), SMALL);
    if (denied) await learner.add(cameraFrame(0, { scene: 9 }).frame, { car: [] }, { sure: true });
    const { tasks } = await learner.adapt(frames, options);
    return tasks.car?.boxes ?? 0;
  };
  assert.ok((await boxes(false)) >= 4);
  assert.equal(await boxes(true), 0);
});

test("a teacher that sees too little teaches nothing, and bad teachers, options and frames are told", async () => {
  const learner = await Learner.open(smallFile(), SMALL);
  const grey = { data: new Uint8Array(4 * WIDTH * HEIGHT).fill(120), width: WIDTH, height: HEIGHT };
  const { added, tasks, fit } = await learner.adapt([grey], OPTIONS);
  assert.deepEqual([added, tasks, fit], [[], {}, undefined]);
  await assert.rejects(learner.adapt([grey], { ...OPTIONS, frames: 2 }), {
    code: "E_ARGUMENT",
    message: /expected frames of at least 4, got 2/,
  });
  await assert.rejects(learner.adapt([grey], { ...OPTIONS, steps: 0 }), { code: "E_ARGUMENT", message: /expected steps above 0/ });
  await assert.rejects(learner.adapt([{ ...grey, width: 7 }], OPTIONS), { code: "E_ARGUMENT", message: /^adapt: expected \d+ RGBA bytes/ });
  await assert.rejects(learner.adapt([grey], { ...OPTIONS, teacher: colourModel() }), {
    code: "E_ARGUMENT",
    message: /expected a teacher that finds boxes of pedestrian, .*, got one of red, blue/,
  });
});
