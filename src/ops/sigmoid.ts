import { stored } from "./layout.js";
import { lookup, type Op, PLAIN, rowsOf } from "./op.js";

/** The logistic function; kernels in assembly/f32/sigmoid.ts and, by a table, assembly/i8/lookup.ts. */
export const sigmoid: Op<"sigmoid"> = {
  ...PLAIN,
  homogeneous: false,
  int8: "computes",
  keeps: { inputs: false, outputs: true },
  inPlaceBackward: true,
  forward: ({ kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const c = stored(y.channels);
    const [from, to] = rowsOf(part, batch * y.height * y.width);
    const [start, n] = [4 * from * c, (to - from) * c];
    return () => kernels.sigmoid(y.offset + start, x.offset + start, n);
  },
  backward: ({ kernels, batch, outputs: [y], dInputs: [dx], dOutputs: [dy] }) => {
    const n = batch * y.height * y.width * stored(y.channels);
    return () => kernels.sigmoidBackward(dx!, dy, y.offset, n);
  },
  pointwise: (_, x) => 1 / (1 + Math.exp(-x)),
  forwardI8: lookup,
};
