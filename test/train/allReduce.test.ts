import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { allReduce, exchangeLength, publish } from "../../src/train/allReduce.js";
import { same } from "../support/compare.js";
import { normals } from "../support/random.js";

const random = new Random(1);
const part = (n: number): Float32Array => Float32Array.from(normals(random, n));

test("every replica ends with the mean of all parts, the same bits, summed in the order of the replicas", () => {
  const parts = [1, 2, 3].map(() => ({ gradients: part(1000), state: part(37) }));
  const slots = parts.map(({ gradients, state }) => {
    const slot = new Float32Array(exchangeLength(gradients, state));
    publish(slot, gradients, state);
    return slot;
  });
  const mean = (of: (p: (typeof parts)[number]) => Float32Array): Float32Array =>
    of(parts[0]!).map((_, i) => (of(parts[0]!)[i]! + of(parts[1]!)[i]! + of(parts[2]!)[i]!) * (1 / 3));
  const expected = { gradients: mean((p) => p.gradients), state: mean((p) => p.state) };
  for (const { gradients, state } of parts) {
    allReduce(slots, gradients, state);
    same(gradients, expected.gradients);
    same(state, expected.state);
  }
});

test("a replica that is alone keeps its gradients to the bit", () => {
  const [gradients, state] = [part(10), part(3)];
  const [keptGradients, keptState] = [gradients.slice(), state.slice()];
  const slot = new Float32Array(exchangeLength(gradients, state));
  publish(slot, gradients, state);
  assert.deepEqual([...slot], [...gradients, ...state]);
  allReduce([slot], gradients, state);
  same(gradients, keptGradients);
  same(state, keptState);
});
