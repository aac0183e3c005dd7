import { stored } from "./layout.js";
import { lookup, type Op, PLAIN, rowsOf } from "./op.js";

/** ReLU and LeakyReLU on their own; behind a convolution they are part of it (`slope`). Kernels in assembly/f32/relu.ts and, by a table, assembly/i8/lookup.ts. */
export const relu: Op<"relu"> = {
  ...PLAIN,
  int8: "computes",
  keeps: { inputs: false, outputs: true },
  inPlaceBackward: true,
  forward: ({ node, kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const c = stored(y.channels);
    const [from, to] = rowsOf(part, batch * y.height * y.width);
    const [start, n] = [4 * from * c, (to - from) * c];
    const { slope } = node.attributes;
    return () => kernels.relu(y.offset + start, x.offset + start, n, slope);
  },
  backward: ({ node, kernels, batch, outputs: [y], dInputs: [dx], dOutputs: [dy] }) => {
    const n = batch * y.height * y.width * stored(y.channels);
    const { slope } = node.attributes;
    return () => kernels.reluBackward(dx!, dy, y.offset, n, slope);
  },
  pointwise: ({ attributes: { slope } }, x) => Math.max(x, slope * x),
  forwardI8: lookup,
};
