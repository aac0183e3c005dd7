import { test } from "node:test";
import { Random } from "../../src/core/random.js";
import { relu, reluBackward } from "../oracle/relu.js";
import { Arena } from "../support/arena.js";
import { close, dot, F32_FEW, slopesAgree } from "../support/compare.js";
import { awayFromZero, normals } from "../support/random.js";

const arena = await Arena.open();
const { kernels } = arena;
const LENGTHS = [4, 8, 3 * 17 * 24, 5 * 40];

for (const n of LENGTHS)
  for (const slope of [0, 0.1, 1]) {
    test(`forward agrees with the oracle, also in place: ${n} values, slope ${slope}`, () => {
      arena.reset();
      const x = normals(new Random(1), n);
      const y = arena.output("f32", n);
      const inPlace = arena.state("f32", x);
      kernels.relu(y.at, arena.input("f32", x).at, n, slope);
      kernels.relu(inPlace.at, inPlace.at, n, slope);
      arena.check();
      for (const block of [y, inPlace]) close(arena.read(block), relu(x, slope), F32_FEW);
    });

    test(`backward equals the slope of the oracle away from the kink, also in place: ${n} values, slope ${slope}`, () => {
      arena.reset();
      const random = new Random(2);
      const [x, dy] = [awayFromZero(random, n), normals(random, n)];
      const yAt = arena.input("f32", relu(x, slope)).at;
      const dx = arena.output("f32", n);
      const inPlace = arena.state("f32", dy);
      kernels.reluBackward(dx.at, arena.input("f32", dy).at, yAt, n, slope);
      kernels.reluBackward(inPlace.at, inPlace.at, yAt, n, slope);
      arena.check();
      const oracle = reluBackward(dy, x, slope);
      for (const block of [dx, inPlace]) {
        const kernel = arena.read(block);
        close(kernel, oracle, F32_FEW);
        slopesAgree(() => dot(relu(x, slope), dy), x, { oracle, kernel, tolerance: F32_FEW });
      }
    });
  }

test("at the kink itself the gradient is that of the negative side", () => {
  arena.reset();
  const dx = arena.output("f32", 4);
  kernels.reluBackward(dx.at, arena.input("f32", [1, 2, 3, 4]).at, arena.input("f32", [0, 0, 1, -1]).at, 4, 0.5);
  arena.check();
  close(arena.read(dx), [0.5, 1, 3, 2], 0);
});
