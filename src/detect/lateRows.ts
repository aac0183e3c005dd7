import { type Graph, type GraphNode, type Param, paramOf, type Role } from "../graph/graph.js";
import type { HeadLayout } from "../model/head.js";
import { conv1x1, pixelsI8 } from "../ops/conv1x1.js";
import { stored } from "../ops/layout.js";
import type { NodeOf, Place } from "../ops/op.js";
import { int8Site, type PlacedParams, paramOffsets } from "../program/params.js";
import type { Engine } from "../wasm/load.js";
import { type LateRows, MAX_CANDIDATES } from "./decode.js";

// Most cells hold nothing, so that their boxes are computed for nothing. A head ends in a convolution of 1x1, whose first row is the logit: an int8 network
// computes that row alone for all cells, and keeps what the convolution reads. All rows of the cells that become candidates are computed
// afterwards, by the same kernel: the same bits.

type Convolution = NodeOf<"conv1x1">;

/** An int8 network whose maps hold logits alone, and the convolutions that give the rest. */
export interface LogitsFirst {
  /** Its outputs are the logits, of all tasks whose heads read the same value together, and those values. */
  graph: Graph;
  /** For each map of the network: the convolution that it ends in, and which channel of which output has its logits. */
  heads: { node: Convolution; logits: string; channel: number }[];
}

/** The network with its logits first; undefined where its maps are no rows of int8 convolutions, or nothing but logits. */
export function logitsFirst(graph: Graph, layout: HeadLayout): LogitsFirst | undefined {
  const { scales } = graph;
  const makers = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const ends = graph.outputs.map((name) => makers.get(name));
  const isEnd = (node: GraphNode | undefined): node is Convolution =>
    node?.op === "conv1x1" &&
    node.attributes.activation.kind === "none" &&
    scales?.has(node.inputs[0]!) === true &&
    !scales.has(node.outputs[0]!) &&
    !read.has(node.outputs[0]!);
  if (layout.box < 0 || !ends.every(isEnd)) return undefined;

  const byInput = new Map<string, Convolution[]>();
  for (const node of ends) byInput.set(node.inputs[0]!, [...(byInput.get(node.inputs[0]!) ?? []), node]);
  const params = new Map(graph.params);
  const nodes = graph.nodes.filter((node) => !(ends as GraphNode[]).includes(node));
  for (const [input, group] of byInput) {
    const name = logitsOf(input);
    const own: Partial<Record<Role, string>> = {};
    for (const role of ["weight", "bias"] as const) {
      if (group.some((node) => node.params[role] === undefined)) return undefined;
      own[role] = `${name} ${role}`;
      params.set(own[role], firstRows(group.map((node) => paramOf(graph, node, role))));
    }
    nodes.push({ op: "conv1x1", name, inputs: [input], outputs: [name], attributes: { activation: { kind: "none" } }, params: own });
  }
  const inputs = [...byInput.keys()];
  return {
    graph: { ...graph, nodes, params, outputs: [...inputs.map(logitsOf), ...inputs] },
    heads: ends.map((node) => ({ node, logits: logitsOf(node.inputs[0]!), channel: byInput.get(node.inputs[0]!)!.indexOf(node) })),
  };
}

const logitsOf = (input: string): string => `logits of ${input}`;

/** One parameter of the first rows of several. */
function firstRows(params: readonly Param[]): Param {
  const rows = params.map(({ data, dims }) => data.subarray(0, data.length / dims[0]!));
  const Kind = params[0]!.data instanceof Int8Array ? Int8Array : Int32Array;
  const { dims, scales } = params[0]!;
  return {
    dims: [params.length, ...dims.slice(1)],
    data: Kind.from(rows.flatMap((row) => [...row])),
    ...(scales ? { scales: Float32Array.from(params, (param) => param.scales![0]!) } : {}),
  };
}

/** Room for the rows of one task's candidates, and what computes them; used again for each task of each frame. */
export class RowRoom {
  private readonly features: number;
  private readonly rows: number;
  private readonly runs: ((from: number, to: number) => void)[];

  /**
   * @param graph with the nodes of `heads`
   * @param params the graph's
   * @throws E_RUNTIME where memory ends
   */
  constructor(
    private readonly engine: Engine,
    graph: Graph,
    heads: readonly { node: Convolution }[],
    params: PlacedParams,
    private readonly layout: HeadLayout,
  ) {
    const { kernels, memory } = engine;
    const shapes = heads.map(({ node }) => ({ height: 1, width: MAX_CANDIDATES, channels: paramOf(graph, node, "weight").dims[1]! }));
    const output = { height: 1, width: MAX_CANDIDATES, channels: layout.channels };
    const widest = shapes.reduce((a, b) => (a.channels > b.channels ? a : b));
    this.features = memory.reserve(MAX_CANDIDATES * stored(widest.channels));
    this.rows = memory.reserve(4 * MAX_CANDIDATES * layout.cell);
    const scratch = memory.reserve(conv1x1.scratch(heads[0]!.node, [widest], [output]).i8);
    this.runs = heads.map(({ node }, i) =>
      pixelsI8({
        node,
        kernels,
        inputs: [{ ...shapes[i]!, offset: this.features }],
        outputs: [{ ...output, offset: this.rows }],
        params: paramOffsets(node, params),
        scratch,
        outputScales: [0],
        scales: int8Site(graph, node, params).scales,
        byteFlip: params.byteFlip,
      }),
    );
  }

  /**
   * What computes the rows of one map's cells.
   * @param head the map's number among the network's outputs
   * @param logits the value that holds its logits
   * @param input what its convolution reads
   */
  late(head: number, logits: Place, input: Place): LateRows {
    const { memory } = this.engine;
    const { cell } = this.layout;
    const { features, rows } = this;
    const run = this.runs[head]!;
    const channels = stored(input.channels);
    return {
      step: stored(logits.channels),
      compute(to, map, taken) {
        const { u8 } = memory;
        let count = taken;
        for (let i = 0; i < to.count; i++) {
          if (to.maps[i] !== map) continue;
          const from = input.offset + channels * to.cells[i]!;
          u8.copyWithin(features + channels * count, from, from + channels);
          to.rows[i] = (rows >> 2) + cell * count++;
        }
        if (count > taken) run(taken, count);
        return count - taken;
      },
    };
  }
}
