import { stored } from "./layout.js";
import { int8Output, type Op, PLAIN, rowsOf } from "./op.js";

/** Global average pooling; kernels in assembly/f32/globalmean.ts and assembly/i8/globalmean.ts. */
export const globalmean: Op<"globalmean"> = {
  ...PLAIN,
  int8: "computes",
  shape: (_, [x]) => [{ height: 1, width: 1, channels: x.channels }],
  forward: ({ kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const [from, to] = rowsOf(part, batch);
    const cells = x.height * x.width;
    const c = stored(x.channels);
    return () => kernels.globalmean(y.offset, x.offset, from, to, cells, c);
  },
  backward: ({ kernels, batch, inputs: [x], dInputs: [dx], dOutputs: [dy] }) => {
    const cells = x.height * x.width;
    const c = stored(x.channels);
    return () => kernels.globalmeanBackward(dx!, dy, batch, cells, c);
  },
  forwardI8: ({ node, kernels, batch, part, inputs: [x], outputs: [y], inputScales, outputScales }) => {
    int8Output(node, outputScales);
    const [from, to] = rowsOf(part, batch);
    const cells = x.height * x.width;
    const c = stored(x.channels);
    const scale = inputScales[0] / (cells * outputScales[0]);
    return () => kernels.globalmeanI8(y.offset, x.offset, from, to, cells, c, scale);
  },
};
