import { spreadOf } from "../src/engines/timing.js";
import type { Program } from "../src/program/forward.js";
import { macsOf } from "../src/program/plan.js";
import type { Kernels } from "../src/wasm/generated/kernels.js";
import type { Engine } from "../src/wasm/load.js";
import { table } from "./table.js";

/** One line of a profile: what ran, on what, how long in a pass. */
export interface LayerTime {
  /** Op or kernel. */
  group: string;
  name: string;
  shape: string;
  ms: number;
  macs: number;
}

/**
 * Times each step of a program where it stands in the pass, so that caches are as they are in real runs: the 10th percentile
 * of many passes, which what else the machine does hardly moves.
 * @param restore puts the input back, whose buffer is used again
 */
export function timeSteps(program: Program, passes: number, restore: () => void): LayerTime[] {
  const { plan, steps } = program;
  const macs = macsOf(plan.graph, plan.shapes);
  const times = steps.map(() => [] as number[]);
  for (let pass = -10; pass < passes; pass++) {
    restore();
    for (let i = 0; i < steps.length; i++) {
      const start = performance.now();
      steps[i]!.step();
      if (pass >= 0) times[i]!.push(performance.now() - start);
    }
  }
  return steps.map(({ node }, i) => {
    const text = (value: string): string => {
      const { height, width, channels } = plan.shapes.get(value)!;
      return `${width}x${height}x${channels}`;
    };
    const shape = `${text(node.inputs[0]!)} > ${text(node.outputs[0]!)}`;
    return { group: node.op, name: node.name, shape, ms: spreadOf(times[i]!).p10, macs: macs[i]! };
  });
}

/** What follows a kernel's pointers: how many those are, the names of the sizes that tell its work, and the work itself. */
const SIZES = {
  conv1x1: { from: 4, names: ["m", "ci", "co"], macs: ([m, ci, co]) => m! * ci! * co! },
  conv1x1BackwardWeight: { from: 3, names: ["m", "ci", "co"], macs: ([m, ci, co]) => m! * ci! * co! },
  packTransposed: { from: 2, names: ["ci", "co"], macs: () => 0 },
  conv3x3: { from: 5, names: ["from", "to", "height", "width", "c", "co", "stride"], macs: ofRows(windows(9)) },
  conv3x3BackwardData: { from: 5, names: ["n", "height", "width", "c", "co", "stride"], macs: windows(9) },
  conv3x3BackwardWeight: { from: 4, names: ["n", "height", "width", "c", "co", "stride"], macs: windows(9) },
  dwconv: { from: 4, names: ["from", "to", "height", "width", "c", "kernel", "stride"], macs: ofRows(depthwise) },
  dwconvBackwardData: { from: 5, names: ["n", "height", "width", "c", "kernel", "stride"], macs: depthwise },
  dwconvBackwardWeight: { from: 3, names: ["n", "height", "width", "c", "kernel", "stride"], macs: depthwise },
  norm: { from: 8, names: ["m", "c"], macs: () => 0 },
  normBackward: { from: 7, names: ["m", "c"], macs: () => 0 },
  biasBackward: { from: 2, names: ["m", "co"], macs: () => 0 },
} satisfies Partial<Record<keyof Kernels, { from: number; names: string[]; macs(sizes: number[]): number }>>;

function windows(taps: number) {
  return ([n, height, width, c, co, stride]: number[]): number =>
    n! * Math.ceil(height! / stride!) * Math.ceil(width! / stride!) * taps * c! * co!;
}

function depthwise([n, height, width, c, kernel, stride]: number[]): number {
  return n! * Math.ceil(height! / stride!) * Math.ceil(width! / stride!) * c! * kernel! ** 2;
}

/** Work of a kernel that is told its output rows, from that of one told its pictures. */
function ofRows(whole: (sizes: number[]) => number) {
  return ([from, to, height, width, c, last, stride]: number[]): number =>
    ((to! - from!) * whole([1, height!, width!, c!, last!, stride!])) / Math.ceil(height! / stride!);
}

/** An engine whose kernel calls are timed, on the same memory. */
export interface WatchedEngine extends Engine {
  /** Starts a pass: calls are matched with the former passes' by their order. */
  begin(): void;
  /** The 10th percentile of each call over the passes, calls of one kernel and one size added up. */
  profile(): LayerTime[];
}

/** Watches an engine's kernels. Programs must be compiled with the watched engine. */
export function watched({ kernels, memory, byteFlip }: Engine): WatchedEngine {
  let passes: { kernel: string; shape: string; macs: number; ms: number }[][] = [];
  let pass: (typeof passes)[number] = [];
  const wrap = (kernel: string, call: (...args: number[]) => number | undefined) => {
    const known = (SIZES as Partial<Record<string, { from: number; names: string[]; macs(sizes: number[]): number }>>)[kernel];
    return (...args: number[]) => {
      const start = performance.now();
      const result = call(...args);
      const ms = performance.now() - start;
      const sizes = known ? args.slice(known.from, known.from + known.names.length) : [];
      pass.push({
        kernel,
        shape: known ? known.names.map((name, i) => `${name} ${sizes[i]}`).join(" ") : "",
        macs: known?.macs(sizes) ?? 0,
        ms,
      });
      return result;
    };
  };
  const entries = Object.entries(kernels as unknown as Record<string, (...args: number[]) => number | undefined>);
  return {
    memory,
    byteFlip,
    kernels: Object.fromEntries(entries.map(([kernel, call]) => [kernel, wrap(kernel, call)])) as unknown as Kernels,
    begin() {
      pass = [];
      passes.push(pass);
    },
    profile() {
      const rows = new Map<string, LayerTime & { calls: number }>();
      passes[0]!.forEach(({ kernel, shape, macs }, i) => {
        const key = `${kernel} ${shape}`;
        const row = rows.get(key) ?? { group: kernel, name: "", shape, ms: 0, macs: 0, calls: 0 };
        row.ms += spreadOf(passes.map((calls) => calls[i]!.ms)).p10;
        row.macs += macs;
        row.calls++;
        row.name = `${row.calls} calls`;
        rows.set(key, row);
      });
      passes = [];
      return [...rows.values()];
    },
  };
}

const sum = (rows: readonly LayerTime[], of: (row: LayerTime) => number): number => rows.reduce((total, row) => total + of(row), 0);

/** A profile as text: ops by their total, slowest first, then every layer, slowest first. @param roofline GMAC/s */
export function layersTable(title: string, rows: readonly LayerTime[], roofline: number): string {
  const total = sum(rows, ({ ms }) => ms);
  const figures = (ms: number, macs: number): string[] => {
    const rate = macs / 1e6 / ms;
    return [
      ms.toFixed(4),
      `${((100 * ms) / total).toFixed(1)} %`,
      ...(macs ? [(macs / 1e6).toFixed(2), rate.toFixed(1), `${((100 * rate) / roofline).toFixed(0)} %`] : ["", "", ""]),
    ];
  };
  const groups = [...new Set(rows.map(({ group }) => group))].map((group) => rows.filter((row) => row.group === group));
  groups.sort((a, b) => sum(b, ({ ms }) => ms) - sum(a, ({ ms }) => ms));
  const columns = ["ms", "of all", "MMAC", "GMAC/s", "of roofline"];
  const byOp = [...groups, [...rows]].map((group, i) => [
    i === groups.length ? "all" : group[0]!.group,
    `${group.length}`,
    ...figures(
      sum(group, ({ ms }) => ms),
      sum(group, ({ macs }) => macs),
    ),
  ]);
  const byLayer = [...rows]
    .sort((a, b) => b.ms - a.ms)
    .map(({ group, name, shape, ms, macs }) => [group, name, shape, ...figures(ms, macs)]);
  return `${title}\n\n${table(["op", "layers", ...columns], byOp)}\n\n${table(["op", "layer", "shape", ...columns], byLayer, 3)}`;
}
