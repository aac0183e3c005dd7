import { Random } from "../src/core/random.js";
import { TASKS } from "../src/core/task.js";
import type { Graph } from "../src/graph/graph.js";
import { Builder } from "../src/model/blocks.js";

/** The reference net's input. */
export const REFERENCE_SIZE = { height: 192, width: 320 };

const STEM = 16;
/** Stages at strides 4, 8, 16 and 32; the first block of each has stride 2. */
const STAGES = [
  { stride: 4, channels: 32, blocks: 2 },
  { stride: 8, channels: 64, blocks: 2 },
  { stride: 16, channels: 128, blocks: 5 },
  { stride: 32, channels: 256, blocks: 2 },
];
const PATH = 64;
const HEAD = 32;
const OUT = 5;
/** Weights are uniform in +-1 / sqrt(fan in), a variance of 1 / (3 fan in); ReLU wants 2 / fan in (He et al., arXiv 1502.01852): sqrt(6) times as much. */
const GAIN = Math.sqrt(6);

/**
 * The net that speed is measured on, with norms and random weights: a 3x3 stem of stride 2, depthwise-separable blocks, 1x1 laterals to
 * 64 channels joined from coarse to fine by nearest upsampling and addition, a head a task at stride 8 (separable block to 32, then 1x1
 * to 5). Every convolution but the last has a norm and ReLU. 63.5 MMAC at 320x192, 233 k parameters when the norms are folded.
 */
export function referenceNet(seed = 1): Graph {
  const b = new Builder(new Random(seed), "input");
  let x = b.convNorm("stem", b.input, STEM, { kernel: 3, stride: 2 });
  const features: { stride: number; value: string }[] = [];
  for (const { stride, channels, blocks } of STAGES) {
    for (let block = 0; block < blocks; block++) x = b.separable(`stage${stride}.${block}`, x, channels, { stride: block === 0 ? 2 : 1 });
    if (stride >= 8) features.unshift({ stride, value: x });
  }
  let path: string | undefined;
  for (const { stride, value } of features) {
    const lateral = b.convNorm(`path.lateral${stride}`, value, PATH, {});
    path =
      path === undefined ? lateral : b.plain("add", `path.join${stride}`, [lateral, b.plain("upsample2", `path.double${stride}`, [path])]);
  }
  const outputs = TASKS.map((task) => {
    const inner = b.separable(`head.${task}.block`, path!, HEAD, {});
    return b.output(`head.${task}`, inner, OUT, `head.${task}.out`, 1 / Math.sqrt(HEAD), () => 0);
  });
  return liven(b.graph(outputs));
}

/** Gives the signal of a fresh net with ReLU the strength that it needs to live. */
export function liven(graph: Graph): Graph {
  for (const [name, { data }] of graph.params) if (name.endsWith(".gamma")) data.fill(GAIN);
  return graph;
}

/**
 * The net with random shifts, as a trained one has them. Where they are all 0, a factor of one norm is undone by the next, and its gradient is
 * nothing but rounding.
 */
export function shiftedNet(): Graph {
  const graph = referenceNet();
  const random = new Random(2);
  for (const [name, param] of graph.params)
    if (name.endsWith(".beta")) param.data = Float32Array.from(param.data, () => random.uniform(-1, 1));
  return graph;
}

/** A picture of random bytes as the network sees them before scaling: byte - 128, channels last. */
export function randomBytes(seed: number, { height, width } = REFERENCE_SIZE): Int8Array {
  const random = new Random(seed, height, width);
  return Int8Array.from({ length: height * width * 3 }, () => random.below(256) - 128);
}
