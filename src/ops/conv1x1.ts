import { FourwayError } from "../core/errors.js";
import { slopeOf } from "./activation.js";
import { PAIR_PANELS, PANELS, QUAD_PANELS, stored } from "./layout.js";
import { CONVOLUTION, type Op, rowsOf, type SiteI8 } from "./op.js";

/** Pixels whose channels are widened to 16 bits at once in int8: 32 rows keep scratch and panels in the first-level cache. */
const ROWS_I8 = 32;
/** Pixels that the kernels take at once. */
const TILE = 4;

/** 1x1 convolution; kernels in assembly/f32/conv1x1.ts and assembly/i8/conv1x1.ts. */
export const conv1x1: Op<"conv1x1"> = {
  ...CONVOLUTION,
  shape: (node, [x], weight) => {
    const [co, ci, kh, kw] = weight.dims;
    if (ci !== x.channels || kh !== 1 || kw !== 1 || weight.dims.length !== 4)
      throw new FourwayError("E_SHAPE", `conv1x1 "${node.name}": expected weights [co, ${x.channels}, 1, 1], got [${weight.dims}]`);
    return [{ ...x, channels: co! }];
  },
  macs: (_, [x], [y]) => y.height * y.width * x.channels * y.channels,
  weight: { f32: PANELS, pairs: PAIR_PANELS, quads: QUAD_PANELS, depthwise: false },
  scratch: (_, [x], [y]) => ({
    forward: 0,
    backward: 4 * stored(x.channels) * stored(y.channels),
    i8: 2 * ROWS_I8 * stored(x.channels),
  }),
  forward: ({ node, kernels, batch, part, inputs: [x], outputs: [y], params }) => {
    const [from, to] = rowsOf(part, batch * y.height * y.width, TILE);
    const ci = stored(x.channels);
    const co = stored(y.channels);
    const slope = slopeOf(node.attributes.activation);
    const [yAt, xAt] = [y.offset + 4 * from * co, x.offset + 4 * from * ci];
    return () => kernels.conv1x1(yAt, xAt, params.weight, params.bias, to - from, ci, co, slope);
  },
  backward: ({ kernels, batch, inputs: [x], outputs: [y], params, dInputs: [dx], dOutputs: [dy], dParams, scratch, zeros }) => {
    const m = batch * y.height * y.width;
    const ci = stored(x.channels);
    const co = stored(y.channels);
    const { weight: dw, bias: db } = dParams;
    return () => {
      if (dw !== undefined) kernels.conv1x1BackwardWeight(dw, x.offset, dy, m, ci, co);
      if (db !== undefined) kernels.biasBackward(db, dy, m, co);
      if (dx === undefined) return;
      kernels.packTransposed(scratch, params.weight, ci, co);
      kernels.conv1x1(dx, dy, scratch, zeros, m, co, ci, 1);
    };
  },
  forwardI8: (site) => {
    const { batch, part, outputs } = site;
    const [from, to] = rowsOf(part, batch * outputs[0].height * outputs[0].width, TILE);
    const run = pixelsI8(site);
    return () => run(from, to);
  },
};

/** The int8 kernel on pixels `from` to `to` of a site, counted row by row. */
export function pixelsI8(
  site: Pick<SiteI8<"conv1x1">, "node" | "kernels" | "inputs" | "outputs" | "params" | "scratch" | "scales" | "outputScales" | "byteFlip">,
): (from: number, to: number) => void {
  const { node, kernels, params, scratch, scales, outputScales, byteFlip } = site;
  const [x] = site.inputs;
  const [y] = site.outputs;
  const ci = stored(x.channels);
  const co = stored(y.channels);
  const slope = slopeOf(node.attributes.activation);
  const float = outputScales[0] === 0;
  const kernel = float ? kernels.conv1x1I8F32 : kernels.conv1x1I8;
  const pixel = (float ? 4 : 1) * co;
  return (from, to) =>
    kernel(
      y.offset + pixel * from,
      x.offset + ci * from,
      params.weight,
      params.bias,
      scales,
      scratch,
      ROWS_I8,
      to - from,
      ci,
      co,
      slope,
      byteFlip,
    );
}
