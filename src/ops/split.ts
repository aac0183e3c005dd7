import { FourwayError } from "../core/errors.js";
import { stored } from "./layout.js";
import { NO_SCRATCH, type Op, type Site } from "./op.js";

function sizes({ batch, inputs: [x], outputs: [even] }: Site<"split">) {
  return { m: batch * x!.height * x!.width, c: x!.channels, whole: stored(x!.channels), half: stored(even!.channels) };
}

/** Even and odd channels apart; kernels in assembly/f32/split.ts and assembly/i8/split.ts. */
export const split: Op<"split"> = {
  shape: (node, [x]) => {
    if (x!.channels % 2) throw new FourwayError("E_SHAPE", `split "${node.name}": expected an even number of channels, got ${x!.channels}`);
    const half = { ...x!, channels: x!.channels / 2 };
    return [half, { ...half }];
  },
  macs: () => 0,
  trained: [],
  keeps: { inputs: false, outputs: false },
  inPlaceBackward: false,
  scratch: () => NO_SCRATCH,
  saved: () => 0,
  forward: (site) => {
    const { m, c, whole, half } = sizes(site);
    const [x, even, odd] = [site.inputs[0]!.offset, site.outputs[0]!.offset, site.outputs[1]!.offset];
    return () => site.kernels.split(even, odd, x, m, c, whole, half);
  },
  backward: (site) => {
    const { m, c, whole, half } = sizes(site);
    const [deven, dodd] = site.dOutputs;
    const dx = site.dInputs[0]!;
    return () => site.kernels.splitBackward(dx, deven!, dodd!, m, c, whole, half);
  },
  forwardI8: (site) => {
    const { m, c, whole, half } = sizes(site);
    const [x, even, odd] = [site.inputs[0]!.offset, site.outputs[0]!.offset, site.outputs[1]!.offset];
    return () => site.kernels.splitI8(even, odd, x, m, c, whole, half);
  },
};
