import { stored } from "./layout.js";
import { NO_SCRATCH, type Op } from "./op.js";

/** Nearest upsampling by 2; kernels in assembly/f32/upsample2.ts, which int8 shares. */
export const upsample2: Op<"upsample2"> = {
  shape: (_, [x]) => [{ height: 2 * x!.height, width: 2 * x!.width, channels: x!.channels }],
  macs: () => 0,
  trained: [],
  keeps: { inputs: false, outputs: false },
  inPlaceBackward: false,
  scratch: () => NO_SCRATCH,
  saved: () => 0,
  forward: ({ kernels, batch, inputs: [x], outputs: [y] }) => {
    const { height, width } = x!;
    const bytes = 4 * stored(x!.channels);
    return () => kernels.upsample2(y!.offset, x!.offset, batch, height, width, bytes);
  },
  backward: ({ kernels, batch, inputs: [x], dInputs: [dx], dOutputs: [dy] }) => {
    const { height, width } = x!;
    const c = stored(x!.channels);
    return () => kernels.upsample2Backward(dx!, dy!, batch, height, width, c);
  },
  forwardI8: ({ kernels, batch, inputs: [x], outputs: [y] }) => {
    const { height, width } = x!;
    const bytes = stored(x!.channels);
    return () => kernels.upsample2(y!.offset, x!.offset, batch, height, width, bytes);
  },
};
