import { FourwayError } from "../core/errors.js";
import type { Graph, GraphNode, OpName, Shape } from "../graph/graph.js";
import type { SiteI8, Step } from "../ops/op.js";
import { opOf } from "../ops/table.js";

/** How values are stored and which kernels compute with them. */
interface Precision {
  name: "f32" | "int8";
  /** Bytes of an element. */
  bytes: 4 | 1;
  /** Bytes of scratch of a node in inference. */
  scratch(node: GraphNode, inputs: Shape[], outputs: Shape[]): number;
  /** A node's step from its kernels of this precision. @throws E_GRAPH where the op has none */
  step(site: SiteI8<OpName>): Step;
}

/** Floats. */
const F32: Precision = {
  name: "f32",
  bytes: 4,
  scratch: (node, inputs, outputs) => opOf(node.op).scratch(node, inputs, outputs).forward,
  step: (site) => opOf(site.node.op).forward(site),
};

/** Signed bytes times a scale. */
export const INT8: Precision = {
  name: "int8",
  bytes: 1,
  scratch: (node, inputs, outputs) => opOf(node.op).scratch(node, inputs, outputs).i8,
  step: (site) => {
    const { forwardI8 } = opOf(site.node.op);
    if (!forwardI8) throw new FourwayError("E_GRAPH", `${site.node.op} "${site.node.name}": expected an op with an int8 form, got none`);
    return forwardI8(site);
  },
};

/** The precision of a value. */
export function precisionOf({ scales }: Pick<Graph, "scales">, value: string): Precision {
  return scales?.has(value) ? INT8 : F32;
}

/** The precision in which a node computes: that of its inputs. @throws E_GRAPH where it reads int8 and f32 values */
export function precisionOfNode(graph: Pick<Graph, "scales">, { op, name, inputs }: GraphNode): Precision {
  const [first, ...others] = inputs.map((value) => precisionOf(graph, value));
  if (others.some((other) => other !== first))
    throw new FourwayError("E_GRAPH", `${op} "${name}": expected inputs of one precision, got int8 and f32; put a dequantize before it`);
  return first!;
}
