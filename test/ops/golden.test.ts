import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Layout, PANELS, PANELS3X3, TAPS } from "../../src/ops/layout.js";
import { Arena } from "../support/arena.js";
import { close, F32_SUM } from "../support/compare.js";

// A second opinion on convolution, batch norm and pooling: PyTorch's values and gradients. Recipe: test/golden/ops.py.

interface Picture {
  n: number;
  height: number;
  width: number;
  x: number[];
  y: number[];
  dy: number[];
  dx: number[];
}
interface Golden {
  version: string;
  convolutions: (Picture &
    Record<"weight" | "bias" | "dweight" | "dbias", number[]> &
    Record<"ci" | "co" | "kernel" | "stride", number> & { depthwise: boolean })[];
  norms: (Picture &
    Record<"gamma" | "beta" | "mean" | "variance" | "meanAfter" | "varianceAfter" | "dgamma" | "dbeta", number[]> &
    Record<"c" | "slope" | "epsilon" | "momentum", number>)[];
  pools: (Picture & { c: number })[];
}

const golden: Golden = JSON.parse(readFileSync("test/golden/ops.json", "utf8"));
const arena = await Arena.open();
const { kernels } = arena;

/** [n, c, pixels] to [n, pixels, c]. */
function channelsLast(values: number[], n: number, c: number): number[] {
  const pixels = values.length / n / c;
  return values.map((_, at) => {
    const channel = at % c;
    const pixel = Math.floor(at / c) % pixels;
    return values[(Math.floor(at / c / pixels) * c + channel) * pixels + pixel]!;
  });
}

function packed(values: number[], layout: Layout, dims: number[]): number[] {
  const out = new Array<number>(layout.length(dims)).fill(0);
  values.forEach((value, i) => {
    out[layout.at(dims, i)] = value;
  });
  return out;
}

for (const [index, golds] of golden.convolutions.entries()) {
  const { n, height, width, ci, co, kernel, stride, depthwise } = golds;
  const kind = depthwise ? `depthwise ${kernel}x${kernel}` : `${kernel}x${kernel}`;
  test(`PyTorch ${golden.version}: ${kind} convolution, stride ${stride}, ${n} of ${height}x${width}x${ci} to ${co} (${index})`, () => {
    arena.reset();
    const layout = depthwise ? TAPS : kernel === 1 ? PANELS : PANELS3X3;
    const dims = [co, depthwise ? 1 : ci, kernel, kernel];
    const m = n * Math.ceil(height / stride) * Math.ceil(width / stride);
    const k = kernel * kernel * ci;
    const x = arena.input("f32", channelsLast(golds.x, n, ci)).at;
    const dy = arena.input("f32", channelsLast(golds.dy, n, co)).at;
    const w = arena.input("f32", packed(golds.weight, layout, dims)).at;
    const bias = arena.input("f32", golds.bias).at;
    const zeros = arena.input("f32", new Float64Array(k)).at;
    const [y, dx] = [arena.output("f32", m * co), arena.output("f32", n * height * width * ci)];
    const [dw, db] = [arena.state("f32", new Float64Array(layout.length(dims))), arena.state("f32", new Float64Array(co))];
    const rows = arena.output("f32", 3 * (width + 2) * ci).at;
    const patches = arena.output("f32", Math.ceil(width / stride) * k).at;
    const turned = arena.output("f32", layout.length(dims)).at;
    kernels.biasBackward(db.at, dy, m, co);
    if (depthwise) {
      kernels.dwconv(y.at, x, w, bias, 0, n * Math.ceil(height / stride), height, width, ci, kernel, stride, 1);
      kernels.dwconvBackwardWeight(dw.at, x, dy, n, height, width, ci, kernel, stride);
      kernels.dwconvBackwardData(dx.at, dy, w, turned, zeros, n, height, width, ci, kernel, stride);
    } else if (kernel === 1) {
      kernels.conv1x1(y.at, x, w, bias, m, ci, co, 1);
      kernels.conv1x1BackwardWeight(dw.at, x, dy, m, ci, co);
      kernels.packTransposed(turned, w, ci, co);
      kernels.conv1x1(dx.at, dy, turned, zeros, m, co, ci, 1);
    } else {
      kernels.conv3x3(y.at, x, w, bias, rows, 0, n * Math.ceil(height / stride), height, width, ci, co, stride, 1);
      kernels.conv3x3BackwardWeight(dw.at, x, dy, rows, n, height, width, ci, co, stride);
      if (ci % 8 === 0) {
        kernels.packTransposed(turned, w, k, co);
        kernels.conv3x3BackwardData(dx.at, dy, turned, zeros, patches, n, height, width, ci, co, stride);
      }
    }
    arena.check();
    close(arena.read(y), channelsLast(golds.y, n, co), F32_SUM, "y");
    close(arena.read(dw), packed(golds.dweight, layout, dims), F32_SUM, "dw");
    close(arena.read(db), golds.dbias, F32_SUM, "db");
    if (ci % 8 === 0) close(arena.read(dx), channelsLast(golds.dx, n, ci), F32_SUM, "dx");
  });
}

for (const golds of golden.norms) {
  const { n, height, width, c, slope, epsilon, momentum } = golds;
  test(`PyTorch ${golden.version}: batch norm in training, ${n} of ${height}x${width}x${c}, slope ${slope}`, () => {
    arena.reset();
    const m = n * height * width;
    const x = arena.input("f32", channelsLast(golds.x, n, c)).at;
    const [mean, variance] = [arena.state("f32", golds.mean), arena.state("f32", golds.variance)];
    const [saved, moments] = [arena.output("f32", 5 * c).at, arena.output("f32", 2 * c).at];
    const [y, dx] = [arena.output("f32", m * c), arena.output("f32", m * c)];
    const [dgamma, dbeta] = [arena.state("f32", new Float64Array(c)), arena.state("f32", new Float64Array(c))];
    const [gamma, beta] = [arena.input("f32", golds.gamma).at, arena.input("f32", golds.beta).at];
    kernels.norm(y.at, x, gamma, beta, mean.at, variance.at, saved, moments, m, c, epsilon, momentum, slope);
    const dy = arena.input("f32", channelsLast(golds.dy, n, c)).at;
    kernels.normBackward(dx.at, dgamma.at, dbeta.at, dy, x, saved, moments, m, c, slope);
    arena.check();
    close(arena.read(y), channelsLast(golds.y, n, c), F32_SUM, "y");
    close(arena.read(mean), golds.meanAfter, F32_SUM, "running mean");
    close(arena.read(variance), golds.varianceAfter, F32_SUM, "running variance");
    close(arena.read(dx), channelsLast(golds.dx, n, c), F32_SUM, "dx");
    close(arena.read(dgamma), golds.dgamma, F32_SUM, "dgamma");
    close(arena.read(dbeta), golds.dbeta, F32_SUM, "dbeta");
  });
}

for (const golds of golden.pools) {
  const { n, height, width, c } = golds;
  test(`PyTorch ${golden.version}: max pooling with many ties, ${n} of ${height}x${width}x${c}`, () => {
    arena.reset();
    const x = arena.input("f32", channelsLast(golds.x, n, c)).at;
    const [y, dx] = [arena.output("f32", golds.y.length), arena.output("f32", golds.x.length)];
    kernels.maxpool(y.at, x, 0, n * Math.ceil(height / 2), height, width, c);
    kernels.maxpoolBackward(dx.at, arena.input("f32", channelsLast(golds.dy, n, c)).at, x, y.at, n, height, width, c);
    arena.check();
    close(arena.read(y), channelsLast(golds.y, n, c), 0, "y");
    close(arena.read(dx), channelsLast(golds.dx, n, c), F32_SUM, "dx");
  });
}
