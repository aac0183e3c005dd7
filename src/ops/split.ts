import { FourwayError } from "../core/errors.js";
import { stored } from "./layout.js";
import { type Op, PLAIN, rowsOf, type Site } from "./op.js";

function sizes({ batch, inputs: [x], outputs: [even] }: Site<"split">) {
  return { m: batch * x.height * x.width, c: x.channels, whole: stored(x.channels), half: stored(even.channels) };
}

/** Where a part's rows begin, at `bytes` a value, and how many there are. */
function partOf(site: Site<"split">, bytes: number) {
  const { m, whole, half } = sizes(site);
  const [from, to] = rowsOf(site.part, m);
  const [x, even, odd] = [site.inputs[0].offset, site.outputs[0].offset, site.outputs[1].offset];
  const start = bytes * from;
  return { x: x + start * whole, even: even + start * half, odd: odd + start * half, rows: to - from };
}

/** Even and odd channels apart; kernels in assembly/f32/split.ts and assembly/i8/split.ts. */
export const split: Op<"split"> = {
  ...PLAIN,
  int8: "copies",
  channels: ([x]) => [(x + 1) >> 1, x >> 1],
  follows: ([x], outputs) => x.map((channel, i) => [outputs[i % 2]![i >> 1]!, channel]),
  shape: (node, [x]) => {
    if (x.channels % 2) throw new FourwayError("E_SHAPE", `split "${node.name}": expected an even number of channels, got ${x.channels}`);
    const half = { ...x, channels: x.channels / 2 };
    return [half, { ...half }];
  },
  forward: (site) => {
    const { c, whole, half } = sizes(site);
    const { x, even, odd, rows } = partOf(site, 4);
    return () => site.kernels.split(even, odd, x, rows, c, whole, half);
  },
  backward: (site) => {
    const { m, c, whole, half } = sizes(site);
    const [deven, dodd] = site.dOutputs;
    const dx = site.dInputs[0]!;
    return () => site.kernels.splitBackward(dx, deven, dodd, m, c, whole, half);
  },
  forwardI8: (site) => {
    const { c, whole, half } = sizes(site);
    const { x, even, odd, rows } = partOf(site, 1);
    return () => site.kernels.splitI8(even, odd, x, rows, c, whole, half);
  },
};
