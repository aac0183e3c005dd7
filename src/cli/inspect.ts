import type { Command } from "commander";
import { printable } from "../core/printable.js";
import { readModelBytes } from "../detect/source.js";
import { type Activation, type Graph, type GraphNode, imageOf } from "../graph/graph.js";
import { inputSize, PIXELS } from "../image/letterbox.js";
import { DEFAULT_PIXELS } from "../model/model.js";
import { readOnnx } from "../onnx/read.js";
import { macsOf, planForward } from "../program/plan.js";
import { tableLines } from "./values.js";

/** Adds `fourway inspect MODEL` to the program. */
export function addInspect(program: Command): void {
  program
    .command("inspect")
    .description("print a model's layers, shapes, cost and metadata; any ONNX file that Fourway can read")
    .argument("<model>", "ONNX file, path or URL")
    .action(async (model: string) => {
      const bytes = await readModelBytes(model);
      for (const line of inspectLines(bytes)) console.log(line);
    });
}

/**
 * A description of a model as lines of text: layers, totals at the default input (its `pixels` in 16 : 9, else 320 x 192),
 * metadata.
 * @throws E_ONNX, E_GRAPH, E_SHAPE for a file that cannot be read or run
 */
export function inspectLines(bytes: Uint8Array): string[] {
  const { graph, metadata } = readOnnx(bytes);
  const pixels = Number(metadata.pixels);
  const input = inputSize(16, 9, pixels >= PIXELS.least && pixels <= PIXELS.most ? pixels : DEFAULT_PIXELS);
  const plan = planForward(graph, { batch: 1, ...input });
  const macs = macsOf(graph, plan.shapes);
  const counted = new Set<string>();
  const layers = graph.nodes.map((node, i) => {
    const { height, width, channels } = plan.shapes.get(node.outputs[0]!)!;
    return [node.name, opText(node), `${height} x ${width} x ${channels}`, thousands(macs[i]!), paramText(graph, node, counted)];
  });
  const params = [...graph.params.values()].reduce((sum, { data }) => sum + data.length, 0);
  const total = macs.reduce((a, b) => a + b, 0);
  return [
    ...tableLines([["layer", "op", "output", "MACs", "parameters"], ...layers], [3, 4]),
    "",
    ...tableLines(
      [
        ["numbers", graph.scales ? "int8, f32 outputs" : "f32"],
        ["input", `${input.height} x ${input.width} x 3 ("${imageOf(graph)}"), any multiple of 32`],
        ["outputs", graph.outputs.join(", ")],
        ["MACs", `${thousands(total)} (${(total / 1e6).toFixed(1)} M)`],
        ["parameters", thousands(params)],
        ["file", `${thousands(bytes.length)} bytes`],
        ["arena", `${thousands(plan.bytes)} bytes`],
      ],
      [],
    ),
    "",
    ...metadataLines(metadata),
  ].map(printable);
}

function metadataLines(metadata: Record<string, string>): string[] {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return ["no metadata: a trunk or a third-party model"];
  return tableLines([["metadata", ""], ...entries], []);
}

/** Parameters that an earlier node has counted are listed as shared. */
function paramText(graph: Graph, node: GraphNode, counted: Set<string>): string {
  const names = Object.values(node.params);
  if (names.length === 0) return "0";
  const fresh = names.filter((name) => !counted.has(name));
  for (const name of fresh) counted.add(name);
  return fresh.length === 0 ? "shared" : thousands(fresh.reduce((sum, name) => sum + graph.params.get(name)!.data.length, 0));
}

function opText({ op, attributes }: GraphNode): string {
  const { kernel, stride = 1, activation } = attributes as { kernel?: number; stride?: number; activation?: Activation };
  const parts: string[] = [kernel === undefined ? op : `${op} ${kernel}x${kernel}`];
  if (stride !== 1) parts.push(`/${stride}`);
  if (activation && activation.kind !== "none") parts.push(activation.kind === "leaky" ? `leaky ${activation.slope}` : activation.kind);
  return parts.join(" ");
}

function thousands(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " ");
}
