import { stored } from "./layout.js";
import { type Op, PLAIN, rowsOf } from "./op.js";

/** 3x3 max pooling, stride 2, padding 1; kernels in assembly/f32/maxpool.ts and assembly/i8/maxpool.ts. */
export const maxpool: Op<"maxpool"> = {
  ...PLAIN,
  int8: "copies",
  shape: (_, [x]) => [{ height: Math.ceil(x.height / 2), width: Math.ceil(x.width / 2), channels: x.channels }],
  keeps: { inputs: true, outputs: true },
  forward: ({ kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.maxpool(y.offset, x.offset, from, to, height, width, c);
  },
  backward: ({ kernels, batch, inputs: [x], outputs: [y], dInputs: [dx], dOutputs: [dy] }) => {
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.maxpoolBackward(dx!, dy, x.offset, y.offset, batch, height, width, c);
  },
  forwardI8: ({ kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.maxpoolI8(y.offset, x.offset, from, to, height, width, c);
  },
};
