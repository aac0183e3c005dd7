import { FourwayError } from "../core/errors.js";
import { stored } from "./layout.js";
import { type Op, PLAIN, rowsOf, type Site } from "./op.js";

/** Sizes in bytes a pixel. */
function sizes({ batch, inputs: [a, b], outputs: [y] }: Site<"concat">, bytes: number) {
  return {
    m: batch * y.height * y.width,
    a: bytes * a.channels,
    b: bytes * b.channels,
    aStored: bytes * stored(a.channels),
    bStored: bytes * stored(b.channels),
    yStored: bytes * stored(y.channels),
  };
}

function join(site: Site<"concat">, bytes: number) {
  const s = sizes(site, bytes);
  const [from, to] = rowsOf(site.part, s.m);
  const y = site.outputs[0].offset + from * s.yStored;
  const a = site.inputs[0].offset + from * s.aStored;
  const b = site.inputs[1].offset + from * s.bStored;
  return () => site.kernels.concat(y, a, b, to - from, s.a, s.b, s.aStored, s.bStored, s.yStored);
}

/** Two inputs side by side along the channels; kernels in assembly/f32/concat.ts, which int8 shares. */
export const concat: Op<"concat"> = {
  ...PLAIN,
  int8: "copies",
  channels: ([a, b]) => [a + b],
  follows: ([a, b], [y]) => [...a, ...b].map((channel, i) => [y[i]!, channel]),
  shape: (node, [a, b]) => {
    if (a.height !== b.height || a.width !== b.width)
      throw new FourwayError(
        "E_SHAPE",
        `concat "${node.name}": expected two inputs of one size, got ${a.height}x${a.width} and ${b.height}x${b.width}`,
      );
    return [{ ...a, channels: a.channels + b.channels }];
  },
  forward: (site) => join(site, 4),
  backward: (site) => {
    const s = sizes(site, 4);
    const [da, db] = site.dInputs;
    const dy = site.dOutputs[0];
    return () => site.kernels.concatBackward(da!, db!, dy, s.m, s.a, s.b, s.aStored, s.bStored, s.yStored);
  },
  forwardI8: (site) => join(site, 1),
};
