import { Random } from "../src/core/random.js";
import type { Graph } from "../src/graph/graph.js";
import { Builder } from "../src/model/blocks.js";
import { liven, REFERENCE_SIZE, referenceNet } from "./reference.js";

const STEM = 32;
const BLOCKS = [
  { channels: 64, stride: 1 },
  { channels: 128, stride: 2 },
  { channels: 128, stride: 1 },
  { channels: 256, stride: 2 },
  { channels: 256, stride: 1 },
  { channels: 512, stride: 2 },
  ...Array(5).fill({ channels: 512, stride: 1 }),
  { channels: 1024, stride: 2 },
  { channels: 1024, stride: 1 },
] as const;

/** The convolutions of MobileNetV1 (arXiv 1704.04861) at a width, with ReLU, norms and random weights; its output is the last feature map. */
function mobilenet(width: number): Graph {
  const b = new Builder(new Random(3), "input");
  let x = b.convNorm("stem", b.input, width * STEM, { kernel: 3, stride: 2 });
  for (const [i, { channels, stride }] of BLOCKS.entries()) x = b.separable(`block${i}`, x, width * channels, { stride });
  return liven(b.graph([x]));
}

/** The nets that are measured in a browser, and their inputs. */
export const NETS = {
  "MobileNetV1 0.25": { graph: () => mobilenet(0.25), size: { height: 96, width: 96 } },
  "MobileNetV1 0.5": { graph: () => mobilenet(0.5), size: { height: 160, width: 160 } },
  "MobileNetV1 0.75": { graph: () => mobilenet(0.75), size: { height: 192, width: 192 } },
  "reference net": { graph: referenceNet, size: REFERENCE_SIZE },
};

/** Their names. */
export type NetName = keyof typeof NETS;
