import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import { BUDGET_SIZES, Budget } from "../../src/detect/budget.js";
import { Detector } from "../../src/detect/detector.js";
import { Workspace } from "../../src/detect/workspace.js";
import { colourModel } from "./models.js";

const LEAST = BUDGET_SIZES[0]!;
const MOST = BUDGET_SIZES.at(-1)!;
/** Milliseconds a pixel of a machine on which 61,440 pixels take 12 ms. */
const PACE = 12 / 61_440;

/** Frames at a pace, each with the time it takes. @returns the sizes that were chosen in turn, each with the frame after which it held */
function run(budget: Budget, frames: number, pace: number | ((frame: number) => number)): [frame: number, pixels: number][] {
  const changes: [number, number][] = [];
  for (let frame = 0; frame < frames; frame++) {
    const { pixels } = budget.chosen;
    budget.note(pixels * (typeof pace === "number" ? pace : pace(frame)));
    if (budget.chosen.pixels !== pixels) changes.push([frame, budget.chosen.pixels]);
  }
  return changes;
}

/** A budget of 30 ms on the machine at `PACE`. */
async function started(pace = PACE, budgetMs = 30): Promise<Budget> {
  const budget = new Budget(budgetMs, 61_440, 1);
  await budget.start((pixels) => pixels * pace);
  return budget;
}

test("the most pixels are chosen that fit into nine tenths of the budget, whatever frames take before code is compiled", async () => {
  assert.equal((await started()).chosen.pixels, 122_880); // 24 ms; 174,080 would take 34
  assert.equal((await started(PACE / 100)).chosen.pixels, MOST);
  assert.deepEqual((await started(PACE * 100)).chosen, {
    budgetMs: 30,
    pixels: LEAST,
    threads: 1,
    frameMs: LEAST * PACE * 100,
    isMet: false,
  });
  let frame = 0;
  const cold = new Budget(30, 61_440, 1);
  await cold.start((pixels) => pixels * PACE * (frame++ < 8 ? 10 : 1));
  assert.equal(cold.chosen.pixels, 122_880);
  const fixed = new Budget(30, 61_440, 1); // a part of the time does not grow with the pixels
  await fixed.start((pixels) => 6 + pixels * (PACE / 2));
  assert.equal(fixed.chosen.pixels, 174_080); // 23 ms: more than 12 ms at 61,440 promise
});

test("timing ends after a second on a machine that is slow", async () => {
  let frames = 0;
  await new Budget(30, 61_440, 1).start((pixels) => {
    frames++;
    return pixels * PACE * 50;
  });
  assert.ok(frames <= 8, `${frames} frames of 600 ms and less`);
});

test("on a machine that slows down pixels become fewer at once, but never fewer than the least", async () => {
  const budget = await started();
  assert.deepEqual(run(budget, 100, PACE), []);
  const [change, ...more] = run(budget, 100, 2 * PACE);
  assert.deepEqual([change, more], [[2, 61_440], []]); // the middle one of five frames is late after three
  assert.ok(budget.chosen.isMet);
  run(budget, 100, 20 * PACE);
  assert.deepEqual([budget.chosen.pixels, budget.chosen.isMet], [LEAST, false]);
  run(budget, 10, PACE);
  assert.deepEqual([budget.chosen.pixels, budget.chosen.isMet], [LEAST, true]);
});

test("single late frames change nothing", async () => {
  assert.deepEqual(
    run(await started(), 1000, (frame) => (frame % 3 === 0 ? 40 * PACE : PACE)),
    [],
  );
});

test("more pixels are tried after a while with room, and ever more rarely where they do not fit", async () => {
  const budget = await started(2 * PACE);
  assert.equal(budget.chosen.pixels, 61_440);
  const steps = run(budget, 500, PACE).map(([, pixels]) => pixels);
  assert.deepEqual(steps, [86_016]); // 16.8 ms; the next would take 24, more than three quarters of 30
  // a machine on which 86,016 pixels take much longer than 61,440 promise
  const misled = await started(2 * PACE);
  const tries: number[] = [];
  for (let frame = 0; frame < 5000; frame++) {
    const { pixels } = misled.chosen;
    misled.note(pixels > 61_440 ? 40 : 12);
    if (misled.chosen.pixels > 61_440 && misled.chosen.pixels > pixels) tries.push(frame);
  }
  const waits = tries.slice(1).map((frame, i) => frame - tries[i]!);
  assert.ok(tries.length >= 4 && tries.length <= 8, `${tries}`);
  for (let i = 1; i < waits.length; i++) assert.ok(waits[i]! > 1.5 * waits[i - 1]!, `${waits}`);
});

/** Time passes only while a frame is looked at, by the pixels of its input. */
function stopClock(context: TestContext): { pace: number } {
  const machine = { pace: PACE };
  let [now, step] = [0, 0];
  const { prepare } = Workspace.prototype;
  context.mock.method(Workspace.prototype, "prepare", function (this: Workspace, frame: never) {
    const network = prepare.call(this, frame);
    const { width, height } = network.program.inputs[0]!;
    step = width * height * machine.pace;
    return network;
  });
  context.mock.method(performance, "now", () => {
    now += step;
    step = 0;
    return now;
  });
  return machine;
}

test("a detector with a budget says what it chose and keeps to it", async (context) => {
  const machine = stopClock(context);
  using detector = await Detector.load(colourModel(), { budgetMs: 30, threads: 1 });
  const frame = { data: new Uint8Array(4 * 640 * 360), width: 640, height: 360 };
  assert.deepEqual([detector.chosen!.pixels, detector.chosen!.threads, detector.chosen!.isMet], [122_880, 1, true]);
  const looked: number[] = [];
  const look = (frames: number): void => {
    for (let i = 0; i < frames; i++) {
      const { ms } = detector.detect(frame);
      looked.push(ms.letterbox + ms.network + ms.postprocess);
    }
  };
  look(100);
  assert.equal(detector.chosen!.pixels, 122_880);
  machine.pace *= 2;
  look(10);
  assert.equal(detector.chosen!.pixels, 61_440);
  assert.ok(looked.at(-1)! < 30 && looked.at(-10)! > 30, `${looked.slice(-10)}`);
  await detector.use(colourModel()); // the machine is as slow for another model
  assert.equal(detector.chosen!.pixels, 61_440);
  assert.equal((await Detector.load(colourModel())).chosen, undefined);
});

test("a detector in a worker chooses too, and tells of changes", async () => {
  // neither needs a clock: all fits into an hour, nothing into a nanosecond
  await using roomy = await Detector.spawn(colourModel(), { budgetMs: 3.6e6, threads: 1 });
  assert.deepEqual([roomy.chosen!.pixels, roomy.chosen!.isMet], [MOST, true]);
  await using tight = await Detector.spawn(colourModel(), { budgetMs: 1e-6, threads: 1 });
  assert.deepEqual([tight.chosen!.pixels, tight.chosen!.isMet], [LEAST, false]);
});

test("a budget stands in place of pixels, and is a time", async () => {
  const refusal = (message: RegExp) => (error: unknown) =>
    error instanceof FourwayError && error.code === "E_ARGUMENT" && message.test(error.message);
  await assert.rejects(Detector.load(colourModel(), { pixels: 61_440, budgetMs: 20 }), refusal(/expected pixels or budgetMs, got both/));
  for (const budgetMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    await assert.rejects(Detector.load(colourModel(), { budgetMs }), refusal(/expected a budgetMs above 0/));
  await assert.rejects(Detector.spawn(colourModel(), { pixels: 61_440, budgetMs: 20 }), refusal(/got both/));
});
