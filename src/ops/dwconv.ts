import { FourwayError } from "../core/errors.js";
import { slopeOf } from "./activation.js";
import { PAIR_TAPS, QUAD_TAPS, stored, TAPS } from "./layout.js";
import { CONVOLUTION, int8Output, type Op, rowsOf } from "./op.js";

/** Depthwise convolution; kernels in assembly/f32/dwconv.ts and assembly/i8/dwconv.ts. */
export const dwconv: Op<"dwconv"> = {
  ...CONVOLUTION,
  shape: (node, [x], weight) => {
    const { kernel, stride } = node.attributes;
    const [c, one, kh, kw] = weight.dims;
    if (c !== x.channels || one !== 1 || kh !== kernel || kw !== kernel || weight.dims.length !== 4)
      throw new FourwayError(
        "E_SHAPE",
        `dwconv "${node.name}": expected weights [${x.channels}, 1, ${kernel}, ${kernel}], got [${weight.dims}]`,
      );
    return [{ height: Math.ceil(x.height / stride), width: Math.ceil(x.width / stride), channels: x.channels }];
  },
  macs: (node, _, [y]) => y.height * y.width * y.channels * node.attributes.kernel ** 2,
  weight: { f32: TAPS, pairs: PAIR_TAPS, quads: QUAD_TAPS, depthwise: true },
  scratch: (node, [x]) => {
    const taps = node.attributes.kernel ** 2;
    return { forward: 0, backward: 4 * taps * stored(x.channels), i8: x.width * stored(x.channels) };
  },
  forward: ({ node, kernels, batch, part, inputs: [x], outputs: [y], params }) => {
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    const { kernel, stride, activation } = node.attributes;
    const slope = slopeOf(activation);
    return () => kernels.dwconv(y.offset, x.offset, params.weight, params.bias, from, to, height, width, c, kernel, stride, slope);
  },
  backward: ({ node, kernels, batch, inputs: [x], outputs: [y], params, dInputs: [dx], dOutputs: [dy], dParams, scratch, zeros }) => {
    const { kernel, stride } = node.attributes;
    const { height, width } = x;
    const c = stored(x.channels);
    const m = batch * y.height * y.width;
    const { weight: dw, bias: db } = dParams;
    return () => {
      if (dw !== undefined) kernels.dwconvBackwardWeight(dw, x.offset, dy, batch, height, width, c, kernel, stride);
      if (db !== undefined) kernels.biasBackward(db, dy, m, c);
      if (dx !== undefined) kernels.dwconvBackwardData(dx, dy, params.weight, scratch, zeros, batch, height, width, c, kernel, stride);
    };
  },
  forwardI8: ({ node, kernels, batch, part, inputs: [x], outputs: [y], params, scratch, scales, outputScales, byteFlip }) => {
    int8Output(node, outputScales);
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    const { kernel, stride, activation } = node.attributes;
    const slope = slopeOf(activation);
    return () =>
      kernels.dwconvI8(
        y.offset,
        x.offset,
        params.weight,
        params.bias,
        scales,
        scratch,
        from,
        to,
        height,
        width,
        c,
        kernel,
        stride,
        slope,
        byteFlip,
      );
  },
};
