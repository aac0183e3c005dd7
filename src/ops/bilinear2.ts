import { stored } from "./layout.js";
import { int8Output, type Op, PLAIN, rowsOf } from "./op.js";

/** Bilinear upsampling by 2, half_pixel; kernels in assembly/f32/bilinear2.ts and assembly/i8/bilinear2.ts. */
export const bilinear2: Op<"bilinear2"> = {
  ...PLAIN,
  int8: "computes",
  shape: (_, [x]) => [{ height: 2 * x.height, width: 2 * x.width, channels: x.channels }],
  forward: ({ kernels, batch, part, inputs: [x], outputs: [y] }) => {
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.bilinear2(y.offset, x.offset, from, to, height, width, c);
  },
  backward: ({ kernels, batch, inputs: [x], dInputs: [dx], dOutputs: [dy] }) => {
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.bilinear2Backward(dx!, dy, batch, height, width, c);
  },
  forwardI8: ({ node, kernels, batch, part, inputs: [x], outputs: [y], inputScales, outputScales }) => {
    int8Output(node, outputScales);
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    const scale = inputScales[0] / (16 * outputScales[0]);
    return () => kernels.bilinear2I8(y.offset, x.offset, from, to, height, width, c, scale);
  },
};
