import { FourwayError } from "../core/errors.js";
import { slopeOf } from "./activation.js";
import { depth3x3, PAIR_PANELS3X3, PANELS3X3, QUAD_PANELS3X3, stored } from "./layout.js";
import { CONVOLUTION, int8Output, type Op, rowsOf } from "./op.js";

/** 3x3 convolution, padding 1; kernels in assembly/f32/conv3x3.ts and assembly/i8/conv3x3.ts. */
export const conv3x3: Op<"conv3x3"> = {
  ...CONVOLUTION,
  shape: (node, [x], weight) => {
    const [co, ci, kh, kw] = weight.dims;
    if (ci !== x.channels || kh !== 3 || kw !== 3 || weight.dims.length !== 4)
      throw new FourwayError("E_SHAPE", `conv3x3 "${node.name}": expected weights [co, ${x.channels}, 3, 3], got [${weight.dims}]`);
    const { stride } = node.attributes;
    return [{ height: Math.ceil(x.height / stride), width: Math.ceil(x.width / stride), channels: co! }];
  },
  macs: (_, [x], [y]) => y.height * y.width * 9 * x.channels * y.channels,
  weight: { f32: PANELS3X3, pairs: PAIR_PANELS3X3, quads: QUAD_PANELS3X3, depthwise: false },
  scratch: (_, [x], [y]) => {
    const c = stored(x.channels);
    const rows = 4 * 3 * (x.width + 2) * c;
    const k = depth3x3(x.channels);
    return {
      forward: rows,
      backward: Math.max(rows, 4 * y.width * k) + 4 * k * stored(y.channels),
      i8: 2 * 3 * ((x.width + 2) * c + 8),
    };
  },
  forward: ({ node, kernels, batch, part, inputs: [x], outputs: [y], params, scratch }) => {
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    const co = stored(y.channels);
    const { stride, activation } = node.attributes;
    const slope = slopeOf(activation);
    return () => kernels.conv3x3(y.offset, x.offset, params.weight, params.bias, scratch, from, to, height, width, c, co, stride, slope);
  },
  backward: ({ node, kernels, batch, inputs: [x], outputs: [y], params, dInputs: [dx], dOutputs: [dy], dParams, scratch, zeros }) => {
    const { stride } = node.attributes;
    if (dx !== undefined && x.channels === 3)
      throw new FourwayError("E_SHAPE", `conv3x3 "${node.name}": expected channels in multiples of 8 for a gradient of the input, got 3`);
    const { height, width } = x;
    const c = stored(x.channels);
    const co = stored(y.channels);
    const m = batch * y.height * y.width;
    const k = depth3x3(x.channels);
    const transposed = scratch + Math.max(4 * 3 * (width + 2) * c, 4 * y.width * k);
    const { weight: dw, bias: db } = dParams;
    return () => {
      if (dw !== undefined) kernels.conv3x3BackwardWeight(dw, x.offset, dy, scratch, batch, height, width, c, co, stride);
      if (db !== undefined) kernels.biasBackward(db, dy, m, co);
      if (dx === undefined) return;
      kernels.packTransposed(transposed, params.weight, k, co);
      kernels.conv3x3BackwardData(dx, dy, transposed, zeros, scratch, batch, height, width, c, co, stride);
    };
  },
  forwardI8: ({ node, kernels, batch, part, inputs: [x], outputs: [y], params, scratch, scales, outputScales, byteFlip }) => {
    int8Output(node, outputScales);
    const [from, to] = rowsOf(part, batch * y.height);
    const { height, width } = x;
    const c = stored(x.channels);
    const co = stored(y.channels);
    const { stride, activation } = node.attributes;
    const slope = slopeOf(activation);
    return () =>
      kernels.conv3x3I8(
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
        co,
        stride,
        slope,
        byteFlip,
      );
  },
};
