import fc from "fast-check";
import type { Box } from "../../src/core/box.js";
import { TASKS } from "../../src/core/task.js";
import type { Label, Sample } from "../../src/data/dataset.js";

const WIDTH = 320;
const HEIGHT = 200;

const box: fc.Arbitrary<Box> = fc
  .record({
    x: fc.integer({ min: 0, max: 3100 }),
    y: fc.integer({ min: 0, max: 1900 }),
    width: fc.integer({ min: 11, max: 90 }), // a box of less than a pixel is taken for fractions
    height: fc.integer({ min: 1, max: 90 }),
  })
  .map(({ x, y, width, height }) => ({ x: x / 10, y: y / 10, width: width / 10, height: height / 10 }));

const label: fc.Arbitrary<Label> = fc.oneof(fc.array(box, { maxLength: 3 }), fc.constant<Label>(true), fc.constant<Label>(null));

const forTasks = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.tuple(...TASKS.map(() => value)).map((values) => Object.fromEntries(TASKS.map((task, index) => [task, values[index] as T])));

/** Samples of one set with every kind of label; boxes lie within the picture. */
export function anySamples(folder: string, set: string): fc.Arbitrary<Sample[]> {
  const sample = fc.record({
    split: fc.constantFrom("train", "val", "hold-out_2"),
    group: fc.string({ minLength: 1, maxLength: 5 }),
    labels: forTasks(label),
    ignore: forTasks(fc.array(box, { maxLength: 2 })),
  });
  return fc
    .array(sample, { maxLength: 5 })
    .map((list) => list.map((fields, index) => ({ image: `${folder}/images/${index}.jpg`, width: WIDTH, height: HEIGHT, set, ...fields })));
}
