import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../support/arena.js";
import { close, closeTo, F32_SUM } from "../support/compare.js";

// A second opinion on losses and optimizers: PyTorch's. Recipes: test/golden/losses.py, test/golden/ops.py.

interface Loss {
  weight: number[];
  scale: number;
  loss: number;
  gradient: number[];
}
interface Losses {
  version: string;
  map: (Loss & { logit: number[]; quality: number[] })[];
  presence: (Loss & { logit: number[]; target: number[] })[];
  box: (Loss & { distance: number[]; target: number[] })[];
}
interface Steps {
  lr: number;
  weight_decay: number;
  w: number[];
  gradients: number[][];
  after: number[][];
}
interface Optimizers {
  adamw: (Steps & { betas: [number, number]; eps: number })[];
  sgd: (Steps & { momentum: number })[];
}

const losses: Losses = JSON.parse(readFileSync("test/golden/losses.json", "utf8"));
const optimizers: Optimizers = JSON.parse(readFileSync("test/golden/ops.json", "utf8"));
const torch = `PyTorch ${losses.version}`;
const arena = await Arena.open();
const { kernels } = arena;

const CELL = 8;
/** exp, log and quotients in f32: some 2e-7 each. */
const LOSS = 5e-6;
/** 1 - 0.999 and the like keep only 1e-5 of their size when the constants come as f32; half of that reaches the step. */
const STEPS = 2e-5;

/** Lists of values a cell into channels `first`.. of a map. */
function mapOf(values: number[], each: number, first: number): Float64Array {
  const map = new Float64Array((values.length / each) * CELL);
  values.forEach((v, i) => {
    map[Math.floor(i / each) * CELL + first + (i % each)] = v;
  });
  return map;
}

for (const { logit, quality, weight, scale, loss, gradient } of losses.map)
  test(`${torch}: map loss with a detached factor, ${logit.length} cells`, () => {
    arena.reset();
    const [out, q, w] = [mapOf(logit, 1, 0), quality, weight].map((values) => arena.input("f32", values).at);
    const dout = arena.output("f32", logit.length * CELL);
    closeTo(kernels.mapLoss(dout.at, out!, q!, w!, logit.length, 4 * CELL, scale), loss, LOSS);
    arena.check();
    close(arena.read(dout), mapOf(gradient, 1, 0), LOSS);
  });

for (const { logit, target, weight, scale, loss, gradient } of losses.presence)
  test(`${torch}: presence loss, ${logit.length} entries`, () => {
    arena.reset();
    const [out, t, w] = [mapOf(logit, 1, 0), target, weight].map((values) => arena.input("f32", values).at);
    const dout = arena.state("f32", new Float64Array(logit.length * CELL));
    const cell = arena.input("i32", [...logit.keys()]).at;
    closeTo(kernels.presenceLoss(dout.at, out!, cell, t!, w!, logit.length, 4 * CELL, scale), loss, LOSS);
    arena.check();
    close(arena.read(dout), mapOf(gradient, 1, 0), LOSS);
  });

for (const { distance, target, weight, scale, loss, gradient } of losses.box)
  test(`${torch}: box loss, ${weight.length} boxes`, () => {
    arena.reset();
    const [out, t, w] = [mapOf(distance, 4, 1), target, weight].map((values) => arena.input("f32", values).at);
    const dout = arena.state("f32", new Float64Array(weight.length * CELL));
    const cell = arena.input("i32", [...weight.keys()]).at;
    closeTo(kernels.boxLoss(dout.at + 4, out! + 4, cell, t!, w!, weight.length, 4 * CELL, scale), loss, LOSS);
    arena.check();
    close(arena.read(dout), mapOf(gradient, 4, 1), LOSS);
  });

for (const { lr, weight_decay: decay, betas, eps, w, gradients, after } of optimizers.adamw)
  test(`${torch}: AdamW, ${gradients.length} steps, rate ${lr}, decay ${decay}, betas ${betas}`, () => {
    arena.reset();
    const n = w.length;
    const [wAt, m, v] = [w, new Float64Array(n), new Float64Array(n)].map((values) => arena.state("f32", values));
    gradients.forEach((gradient, i) => {
      const [c1, c2] = [1 - betas[0] ** (i + 1), 1 - betas[1] ** (i + 1)];
      const dw = arena.input("f32", gradient).at;
      kernels.adamw(wAt!.at, dw, m!.at, v!.at, n, 1, lr, decay, betas[0], betas[1], c1, c2, eps);
      arena.check();
      close(arena.read(wAt!), after[i]!, STEPS, `weights after step ${i + 1}`);
      const moved = (from: ArrayLike<number>): number[] => w.map((start, k) => from[k]! - start);
      close(moved(arena.read(wAt!)), moved(after[i]!), STEPS, `way after step ${i + 1}`);
    });
  });

for (const { lr, weight_decay: decay, momentum, w, gradients, after } of optimizers.sgd)
  test(`${torch}: SGD, ${gradients.length} steps, rate ${lr}, decay ${decay}, momentum ${momentum}`, () => {
    arena.reset();
    const n = w.length;
    const [wAt, v] = [arena.state("f32", w), arena.state("f32", new Float64Array(n))];
    gradients.forEach((gradient, i) => {
      kernels.sgd(wAt.at, arena.input("f32", gradient).at, v.at, n, 1, lr, decay, momentum);
      arena.check();
      close(arena.read(wAt), after[i]!, F32_SUM, `weights after step ${i + 1}`);
    });
  });
