import { FourwayError } from "../core/errors.js";
import { stored } from "./layout.js";
import { type NodeOf, type Op, PLAIN, rowsOf } from "./op.js";

/** y = scale * x from int8 to f32; it ends what is int8, so that nothing learns before it. The kernel is in assembly/f32/dequantize.ts. */
export const dequantize: Op<"dequantize"> = {
  ...PLAIN,
  int8: "ends",
  forward: ({ node }) => refuse(node),
  backward: ({ node }) => refuse(node),
  forwardI8: ({ node, kernels, batch, part, inputs: [x], outputs: [y], inputScales: [scale], outputScales }) => {
    if (outputScales[0] !== 0) throw new FourwayError("E_GRAPH", `dequantize "${node.name}": expected an f32 output, got int8`);
    const c = stored(y.channels);
    const [from, to] = rowsOf(part, batch * y.height * y.width);
    const [yAt, xAt, n] = [y.offset + 4 * from * c, x.offset + from * c, (to - from) * c];
    return () => kernels.dequantize(yAt, xAt, n, scale);
  },
};

function refuse({ name }: NodeOf<"dequantize">): never {
  throw new FourwayError("E_GRAPH", `dequantize "${name}": expected an int8 input, got f32; leave it out`);
}
