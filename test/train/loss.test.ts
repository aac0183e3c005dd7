import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import type { Example } from "../../src/data/example.js";
import { buildNetwork } from "../../src/model/build.js";
import { BOX_HEAD, headLayout } from "../../src/model/head.js";
import { shuffleTrunk } from "../../src/model/trunk.js";
import { type LossBuffers, largestMap, multiTaskLoss, reserveLoss, type StepLoss } from "../../src/train/loss.js";
import { assign, type Level } from "../../src/train/targets.js";
import { createEngine, type Engine } from "../../src/wasm/load.js";
import { binLossBackward } from "../oracle/binloss.js";
import { close, closeTo } from "../support/compare.js";
import { exampleOf, readPlace, SMALL_TASKS, shakeNorms, smallNetwork, type Training, trainingOf } from "../support/network.js";

const [WIDTH, HEIGHT] = [96, 64];
const TASKS = SMALL_TASKS.length;
const STRIDES = [8, 16, 32];

/** A network's maps with random answers on them, and what the loss makes of examples. */
interface Bench {
  engine: Engine;
  training: Training;
  buffers: LossBuffers;
}

async function bench(batch: number): Promise<Bench> {
  const engine = await createEngine();
  const graph = smallNetwork(1);
  shakeNorms(graph, 1);
  const training = trainingOf(engine, graph, { batch, height: HEIGHT, width: WIDTH });
  return { engine, training, buffers: reserveLoss(engine, largestMap(training.program)) };
}

/** The loss of examples, and the gradient of a picture's map of a task and stride as rows of five, whatever lay in the maps' gradients before. */
function lossOf({ engine, training, buffers }: Bench, examples: Example[], seed = 1) {
  const { program } = training;
  const random = new Random(seed);
  const { f32 } = engine.memory;
  program.outputs.forEach(({ offset, height, width }, k) => {
    for (let i = 0; i < examples.length * height * width; i++)
      for (let c = 0; c < 8; c++) {
        f32[(offset >> 2) + 8 * i + c] = c < 5 ? random.normal() - (c === 0 ? 2 : 0) : 0;
        f32[(program.dOutputs[k]! >> 2) + 8 * i + c] = Number.NaN;
      }
  });
  const loss: StepLoss = multiTaskLoss(engine, program, buffers, examples, TASKS);
  const read = (offset: number, picture: number, task: number, stride: number): Float32Array[] => {
    const place = program.outputs[STRIDES.indexOf(stride) * TASKS + task]!;
    const all = readPlace(engine, { ...place, offset }, examples.length);
    const cells = place.height * place.width;
    return Array.from({ length: cells }, (_, i) => all.slice(5 * (picture * cells + i), 5 * (picture * cells + i + 1)));
  };
  const of = (offsets: readonly number[]) => (picture: number, task: number) =>
    STRIDES.flatMap((stride) => read(offsets[STRIDES.indexOf(stride) * TASKS + task]!, picture, task, stride));
  // over all cells of a picture's task, fine to coarse
  return { loss, map: of(program.outputs.map(({ offset }) => offset)), gradient: of(program.dOutputs) };
}

const random = new Random(9);
const example = (about: Partial<Example>): Example => exampleOf(random, WIDTH, HEIGHT, TASKS, about);
const OBJECT = [0, 20, 10, 60, 50];
/** Task 0 boxed, task 1 looked for and absent, task 2 unknown. */
const mixed = (): Example => example({ boxes: OBJECT, mapWeight: [1, 1, 0], presence: [1, 0, 0], presenceWeight: [1, 1, 0] });

/** The first cell of the largest logit, of those that are asked for. */
function peakOf(map: Float32Array[], asked: (cell: number) => boolean = () => true): number {
  return map.reduce((best, [logit], i) => (asked(i) && (best < 0 || logit! > map[best]![0]!) ? i : best), -1);
}

test("an unlabelled task gets a gradient of exactly zero in every cell of that picture, and adds nothing to the loss", async () => {
  const { loss, gradient } = lossOf(await bench(2), [mixed(), example({})]);
  for (const [picture, task] of [
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ] as const)
    for (const cell of gradient(picture, task)) for (const v of cell) assert.equal(v, 0);
  assert.equal(loss.tasks[2], 0);
  assert.ok(loss.tasks[0]! > 0 && loss.tasks[1]! > 0);
  closeTo(loss.total, loss.tasks[0]! + loss.tasks[1]!, 1e-6);
});

test("a list without a box teaches absence everywhere: every cell's logit is pushed down, no box is taught", async () => {
  const { gradient } = lossOf(await bench(1), [mixed()]);
  for (const [logit, ...distances] of gradient(0, 1)) {
    assert.ok(logit! > 0);
    assert.deepEqual(distances, [0, 0, 0, 0]);
  }
});

test("true teaches presence only: the cell of the largest logit is pushed up, all other values get exactly zero", async () => {
  const { map, gradient, loss } = lossOf(await bench(1), [example({ presence: [0, 1, 0], presenceWeight: [0, 1, 0] })]);
  const peak = peakOf(map(0, 1));
  gradient(0, 1).forEach((cell, i) => {
    if (i === peak) {
      const p = 1 / (1 + Math.exp(-map(0, 1)[i]![0]!));
      closeTo(cell[0]!, -0.25 * (1 - p), 1e-5, "a quarter of the logistic loss's slope");
      assert.deepEqual([...cell.slice(1)], [0, 0, 0, 0]);
      closeTo(loss.total, -0.25 * Math.log(p), 1e-5, "a quarter of the logistic loss");
    } else assert.deepEqual([...cell], [0, 0, 0, 0, 0]);
  });
});

test("a box teaches its cells where it is and how sure to be, and the other cells that nothing is there", async () => {
  const { gradient } = lossOf(await bench(1), [mixed()]);
  const cells = gradient(0, 0);
  const boxed = cells.filter(([, ...distances]) => distances.some((v) => v !== 0));
  assert.ok(boxed.length >= 3 && boxed.length <= 9);
  const down = cells.filter(([logit, ...distances]) => distances.every((v) => v === 0) && logit! > 0);
  assert.ok(down.length >= cells.length - boxed.length - 1, "all but the one that presence pushes up");
});

test("an ignored region gets exactly zero, but for cells that answer for an object, and presence looks beyond it", async () => {
  const region = [1, 0, 0, 60, 64];
  const { map, gradient } = lossOf(
    await bench(1),
    [example({ ignored: region, mapWeight: [0, 1, 0], presence: [0, 1, 0], presenceWeight: [0, 1, 0] })],
    4,
  );
  const inside = STRIDES.flatMap((stride) =>
    Array.from({ length: (WIDTH / stride) * (HEIGHT / stride) }, (_, i) => ((i % (WIDTH / stride)) + 0.5) * stride <= 60),
  );
  const peak = peakOf(map(0, 1), (cell) => !inside[cell]);
  gradient(0, 1).forEach((cell, i) => {
    if (inside[i]) assert.deepEqual([...cell], [0, 0, 0, 0, 0]);
    else if (i !== peak) assert.ok(cell[0]! > 0);
  });
  assert.ok(peakOf(map(0, 1)) !== peak, "the largest logit of all lies in the region, or this test sees nothing");
  assert.ok(gradient(0, 1)[peak]![0]! < 0);
});

test("a picture that is ignored as a whole teaches nothing, not even presence", async () => {
  const { loss, gradient } = lossOf(await bench(1), [
    example({ ignored: [0, 0, 0, 96, 64], mapWeight: [1, 0, 0], presence: [1, 0, 0], presenceWeight: [1, 0, 0] }),
  ]);
  assert.equal(loss.total, 0);
  for (const cell of gradient(0, 0)) assert.deepEqual([...cell], [0, 0, 0, 0, 0]);
});

test("tasks and pictures do not see each other: what one gets is the same alone, but for the batch's common divisors", async () => {
  // One object and two known presences on each side, and a total quality below 4, where the divisor stays 4: the divisors are the same
  const other = example({ boxes: [1, 5, 5, 30, 60], mapWeight: [0, 1, 0], presence: [0, 1, 1], presenceWeight: [0, 1, 1] });
  const two = await bench(2);
  const together = lossOf(two, [mixed(), other]);
  const first = [together.gradient(0, 0), together.gradient(0, 1)];
  const mask: Example = { ...other, boxes: [], mapWeight: [0, 0, 0] }; // presences stay known
  const alone = lossOf(two, [mixed(), mask]);
  assert.deepEqual([alone.gradient(0, 0), alone.gradient(0, 1)], first);
});

test("the map and box terms are divided by the total quality but by 4 at least, presence by the number that is known", async () => {
  const crowd = Array.from({ length: 12 }, (_, i) => [0, 8 * i - 4, 8 + 3 * i, 8 * i + 14, 28 + 3 * i]).flat();
  const seen = await bench(2);
  const one = example({ boxes: crowd, mapWeight: [1, 0, 0] });
  // the same picture and answers twice: twice the losses over twice the quality
  const copy = (from: Bench): void => {
    for (const { offset, height, width } of from.training.program.outputs) {
      const cells = 8 * height * width;
      from.engine.memory.f32.copyWithin((offset >> 2) + cells, offset >> 2, (offset >> 2) + cells);
    }
  };
  const losses = [
    [one, one],
    [one, example({})],
  ].map((examples) => {
    lossOf(seen, examples);
    copy(seen);
    return multiTaskLoss(seen.engine, seen.training.program, seen.buffers, examples, TASKS).total;
  });
  closeTo(losses[0]!, losses[1]!, 1e-5, "more than 4 of quality in each: the mean stays");
  const sure = (pictures: number): number => {
    const known = example({ presence: [0, 1, 0], presenceWeight: [0, 1, 0] });
    lossOf(seen, [known, known]);
    copy(seen);
    return multiTaskLoss(seen.engine, seen.training.program, seen.buffers, pictures === 2 ? [known, known] : [known, example({})], TASKS)
      .total;
  };
  closeTo(sure(2), sure(1), 1e-5, "presence of two pictures");
});

// The whole network. Batch norm couples the pictures of a batch on the way back, but the way back is linear in the maps' gradients, so
// gradients of parameters still add up over tasks. What a task gives alone is divided by its own total quality and number of known presences
// instead of the batch's: both are found again here, and the parts weighed by them before they are added.

/** Gradients of all parameters by name, and the two divisors, of one pass with examples whose pixels stay the same. */
function gradientsOf({ engine, training, buffers }: Bench, examples: Example[]) {
  const { program, clear, gradient } = training;
  examples.forEach(
    ({ pixels }, i) =>
      void engine.memory.f32.set(
        Float32Array.from(pixels, (v) => v / 256),
        (program.inputs[0]!.offset >> 2) + i * pixels.length,
      ),
  );
  clear();
  program.forward();
  let total = 0;
  for (const [picture, each] of examples.entries())
    for (const [task, weight] of each.mapWeight.entries()) {
      const levels = STRIDES.map((stride, level): Level => {
        const { offset, height, width } = program.outputs[level * TASKS + task]!;
        return { values: engine.memory.f32, at: (offset >> 2) + picture * height * width * 8, height, width, stride, layout: BOX_HEAD };
      });
      total += weight * assign(levels, each, task).quality.reduce((a, b) => a + b, 0);
    }
  const known = examples.flatMap(({ presenceWeight }) => presenceWeight).reduce((a, b) => a + b, 0);
  multiTaskLoss(engine, program, buffers, examples, TASKS);
  program.backward();
  const trained = [...training.params.byName.values()].filter(({ use }) => use === "trained");
  const gradients = new Map(trained.map(({ name }) => [name, gradient(name)]));
  return { gradients, divisors: { map: Math.max(4, total), presence: Math.max(1, known) } };
}

test("an unlabelled task's head receives exactly zero gradient, in all of its parameters", async () => {
  for (const examples of [[mixed()], [mixed(), mixed()]]) {
    const { gradients } = gradientsOf(await bench(examples.length), examples);
    let zeros = 0;
    for (const [name, values] of gradients) {
      if (name.startsWith("head.c.")) {
        assert.ok(
          values.every((v) => v === 0),
          name,
        );
        zeros++;
      } else if (!name.endsWith("depthwise.beta"))
        assert.ok(
          values.some((v) => v !== 0),
          `${name} learns`,
        ); // a shift before a norm has no slope
    }
    assert.equal(zeros, 8); // two convolutions with gamma and beta, one with a bias
  }
});

test("the trunk's and the path's gradient is the sum of what the labelled tasks give alone; an unlabelled one gives nothing", async () => {
  const seen = await bench(3);
  const examples = [
    mixed(),
    example({ boxes: [2, 40, 8, 90, 60], mapWeight: [0, 0, 1], presence: [0, 1, 1], presenceWeight: [0, 1, 1] }),
    example({}),
  ];
  const all = gradientsOf(seen, examples);
  const only = (about: Example, task: number, what: "map" | "presence"): Example => {
    const own = (values: number[]): number[] => values.map((v, t) => (t === task ? v : 0));
    const none = [0, 0, 0];
    return {
      ...about,
      mapWeight: what === "map" ? own(about.mapWeight) : none,
      presenceWeight: what === "presence" ? own(about.presenceWeight) : none,
    };
  };
  assert.ok(all.divisors.map > 4 && all.divisors.presence === 4, "the divisors are the batch's, not the least ones");
  const sum = new Map([...all.gradients].map(([name, { length }]) => [name, new Float64Array(length)]));
  for (let task = 0; task < TASKS; task++)
    for (const what of ["map", "presence"] as const) {
      const alone = examples.map((each) => only(each, task, what));
      const { gradients, divisors } = gradientsOf(seen, alone);
      const share = divisors[what] / all.divisors[what];
      for (const [name, values] of gradients) {
        const to = sum.get(name)!;
        for (const [i, v] of values.entries()) to[i]! += v * share;
        if (name.startsWith("head.") && !name.startsWith(`head.${SMALL_TASKS[task]}.`))
          assert.ok(
            values.every((v) => v === 0),
            `${name} of another task`,
          );
      }
    }
  for (const [name, values] of all.gradients) {
    if (sum.get(name)!.every((v) => Math.abs(v) < 1e-6))
      assert.ok(
        values.every((v) => Math.abs(v) < 1e-6),
        name,
      ); // a shift before a norm
    else close(values, sum.get(name)!, 2e-5, name);
  }
});

test("sides that are distributions are taught by their loss, at the cells that answer, and nowhere else", async () => {
  const layout = headLayout([
    ["logit", 1],
    ["bins", 32],
  ]);
  const engine = await createEngine();
  const [size, tasks] = [{ batch: 1, width: 96, height: 96 }, ["a"]];
  const graph = buildNetwork(shuffleTrunk("0.5", 1), { tasks, layout, path: 16, head: 8 });
  const { program } = trainingOf(engine, graph, size);
  const { f32 } = engine.memory;
  const noise = new Random(4);
  for (const { offset, height, width } of program.outputs)
    for (let i = 0; i < height * width * layout.cell; i++) f32[(offset >> 2) + i] = i % layout.cell < layout.channels ? noise.normal() : 0;
  const example = exampleOf(new Random(5), 96, 96, 1, { boxes: [0, 20, 10, 60, 50], mapWeight: [1], presence: [1], presenceWeight: [0] });
  const maps = { strides: STRIDES, layout };
  const levels = STRIDES.map((stride, l): Level => {
    const { offset, height, width } = program.outputs[l]!;
    return { values: f32, at: offset >> 2, height, width, stride, layout };
  });
  const target = assign(levels, example, 0);
  const before = levels.map(({ at, height, width }) => f32.slice(at, at + height * width * layout.cell));
  multiTaskLoss(engine, program, reserveLoss(engine, largestMap(program)), [example], 1, maps);
  const scale =
    2 /
    Math.max(
      4,
      target.quality.reduce((sum, q) => sum + q, 0),
    );
  let start = 0;
  let answering = 0;
  levels.forEach(({ height, width, stride }, l) => {
    for (let cell = 0; cell < height * width; cell++) {
      const at = (program.dOutputs[l]! >> 2) + cell * layout.cell;
      const found = f32.subarray(at + 1, at + 33);
      const k = target.cells.indexOf(start + cell);
      if (k < 0) {
        assert.ok(found.every((v) => v === 0));
        continue;
      }
      answering++;
      const [x, y] = [(cell % width) * stride, Math.floor(cell / width) * stride];
      const sides = [x - target.boxes[4 * k]!, y - target.boxes[4 * k + 1]!, target.boxes[4 * k + 2]! - x, target.boxes[4 * k + 3]! - y];
      const logits = Float64Array.from(before[l]!.subarray(cell * layout.cell + 1, cell * layout.cell + 33));
      const weight = Float64Array.of(target.quality[start + cell]!);
      close(
        found,
        binLossBackward(
          logits,
          Float64Array.from(sides, (v) => v / stride),
          weight,
          8,
          0.125,
          scale,
        ),
        2e-5,
      );
    }
    start += height * width;
  });
  assert.ok(answering >= 3 && answering === target.cells.length);
});
