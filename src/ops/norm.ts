import { slopeOf } from "./activation.js";
import { stored } from "./layout.js";
import { NO_SCRATCH, type Op, PLAIN } from "./op.js";

/** Batch normalisation with batch statistics, for training; inference folds it away (quant/fold.ts). Kernels in assembly/f32/norm.ts. */
export const norm: Op<"norm"> = {
  ...PLAIN,
  fuses: ["none", "relu", "leaky"],
  homogeneous: false,
  int8: "none",
  trained: ["gamma", "beta"],
  keeps: { inputs: true, outputs: false },
  inPlaceBackward: true,
  scratch: (_, [x]) => ({ ...NO_SCRATCH, forward: 8 * stored(x.channels), backward: 16 * stored(x.channels) }),
  saved: ([y]) => 20 * stored(y.channels),
  forward: ({ node, kernels, batch, inputs: [x], outputs: [y], params, scratch, saved }) => {
    const m = batch * y.height * y.width;
    const c = stored(y.channels);
    const { epsilon, momentum, activation } = node.attributes;
    const slope = slopeOf(activation);
    const { gamma, beta, mean, variance } = params;
    return () => kernels.norm(y.offset, x.offset, gamma, beta, mean, variance, saved, scratch, m, c, epsilon, momentum, slope);
  },
  backward: ({ node, kernels, batch, inputs: [x], outputs: [y], dInputs: [dx], dOutputs: [dy], dParams, scratch, saved }) => {
    const m = batch * y.height * y.width;
    const c = stored(y.channels);
    const slope = slopeOf(node.attributes.activation);
    // the kernel adds to both gradients; those of frozen parameters go to scratch, behind the moments
    const unused = scratch + 8 * c;
    const [dgamma, dbeta] = [dParams.gamma ?? unused, dParams.beta ?? unused + 4 * c];
    return () => kernels.normBackward(dx!, dgamma, dbeta, dy, x.offset, saved, scratch, m, c, slope);
  },
};
