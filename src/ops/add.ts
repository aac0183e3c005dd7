import { FourwayError } from "../core/errors.js";
import { stored } from "./layout.js";
import { type Op, PLAIN, rowsOf } from "./op.js";

/** Elementwise sum; its gradient is the output's, handed to both inputs. Kernels in assembly/f32/add.ts and assembly/i8/add.ts. */
export const add: Op<"add"> = {
  ...PLAIN,
  int8: "computes",
  shape: (node, [a, b]) => {
    if (a.height !== b.height || a.width !== b.width || a.channels !== b.channels)
      throw new FourwayError(
        "E_SHAPE",
        `add "${node.name}": expected two inputs of one shape, got ${a.height}x${a.width}x${a.channels} and ${b.height}x${b.width}x${b.channels}`,
      );
    return [{ ...a }];
  },
  forward: ({ kernels, batch, part, inputs: [a, b], outputs: [y] }) => {
    const c = stored(y.channels);
    const [from, to] = rowsOf(part, batch * y.height * y.width);
    const [start, n] = [4 * from * c, (to - from) * c];
    return () => kernels.add(y.offset + start, a.offset + start, b.offset + start, n);
  },
  backward: ({ kernels, batch, outputs: [y], dInputs: [da, db], dOutputs: [dy] }) => {
    const bytes = 4 * batch * y.height * y.width * stored(y.channels);
    return () => {
      if (da !== undefined) kernels.copy(da, dy, bytes);
      if (db !== undefined) kernels.copy(db, dy, bytes);
    };
  },
  forwardI8: ({ kernels, batch, part, inputs: [a, b], outputs: [y], inputScales, outputScales }) => {
    const c = stored(y.channels);
    const [from, to] = rowsOf(part, batch * y.height * y.width);
    const [start, n] = [from * c, (to - from) * c];
    const aScale = inputScales[0] / outputScales[0];
    const bScale = inputScales[1] / outputScales[0];
    return () => kernels.addI8(y.offset + start, a.offset + start, b.offset + start, n, aScale, bScale);
  },
};
