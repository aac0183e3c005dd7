import { stored } from "./layout.js";
import { type Op, PLAIN, rowsOf, type Site } from "./op.js";

/** A part's rows are a picture of their own. */
function double({ kernels, batch, part, inputs: [x], outputs: [y] }: Site<"upsample2">, bytes: number) {
  const { height, width } = x;
  const pixel = bytes * stored(x.channels);
  const [from, to] = rowsOf(part, batch * height);
  const [yAt, xAt] = [y.offset + 4 * from * width * pixel, x.offset + from * width * pixel];
  return () => kernels.upsample2(yAt, xAt, 1, to - from, width, pixel);
}

/** Nearest upsampling by 2; kernels in assembly/f32/upsample2.ts, which int8 shares. */
export const upsample2: Op<"upsample2"> = {
  ...PLAIN,
  int8: "copies",
  shape: (_, [x]) => [{ height: 2 * x.height, width: 2 * x.width, channels: x.channels }],
  forward: (site) => double(site, 4),
  backward: ({ kernels, batch, inputs: [x], dInputs: [dx], dOutputs: [dy] }) => {
    const { height, width } = x;
    const c = stored(x.channels);
    return () => kernels.upsample2Backward(dx!, dy, batch, height, width, c);
  },
  forwardI8: (site) => double(site, 1),
};
