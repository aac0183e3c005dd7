import { type Contender, interleave } from "../src/engines/timing.js";
import { type Graph, INPUT_SCALE } from "../src/graph/graph.js";
import { compileForward } from "../src/program/forward.js";
import { placeParams } from "../src/program/params.js";
import { planForward } from "../src/program/plan.js";
import { createEngine } from "../src/wasm/load.js";
import { REFERENCE_SIZE, randomBytes } from "./reference.js";

/** What is measured: widths of one picture in the reference's aspect, and batches of pictures of the reference's size. */
const CURVES = { widths: [160, 320, 480, 640, 960, 1280], batches: [2, 4, 8], warmUpMs: 300 };

/** One point of a curve. */
export interface Point {
  precision: "f32" | "int8";
  width: number;
  height: number;
  batch: number;
  /** Milliseconds of the quickest pass: other work on the machine hits long passes oftener than short ones. */
  ms: number;
  /** Over what the pass would take if work were the line through nothing and one picture of 320x192. */
  ratio: number;
}

/** A pass over a batch of pictures as a contender. */
async function pass(
  precision: Point["precision"],
  graph: Graph,
  width: number,
  batch: number,
): Promise<Contender & Omit<Point, "ms" | "ratio">> {
  const { memory, ...engine } = await createEngine();
  const height = (width * REFERENCE_SIZE.height) / REFERENCE_SIZE.width;
  const plan = planForward(graph, { batch, width, height });
  const program = compileForward({ memory, ...engine }, plan, placeParams({ memory, ...engine }, graph), memory.reserve(plan.bytes));
  const bytes = randomBytes(1, { width, height });
  const floats = Float32Array.from(bytes, (value) => value * Math.fround(INPUT_SCALE));
  return {
    name: `${precision} ${width}x${height}x${batch}`,
    repeats: 2,
    precision,
    width,
    height,
    batch,
    run() {
      // the arena uses the input's place again
      for (let i = 0; i < batch; i++)
        if (precision === "int8") memory.i8.set(bytes, program.inputs[0]!.offset + i * bytes.length);
        else memory.f32.set(floats, (program.inputs[0]!.offset >> 2) + i * bytes.length);
      program.run();
    },
  };
}

/** How the time of a pass grows with pixels (160x96 to 1280x768) and with the batch (1 to 8), against one picture of 320x192. */
export async function scaling(
  graphs: Record<Point["precision"], Graph>,
  rounds: number,
  { widths, batches, warmUpMs } = CURVES,
): Promise<Point[]> {
  const points: Point[] = [];
  for (const precision of ["f32", "int8"] as const) {
    const passes = [
      ...(await Promise.all(widths.map((width) => pass(precision, graphs[precision], width, 1)))),
      ...(await Promise.all(batches.map((batch) => pass(precision, graphs[precision], REFERENCE_SIZE.width, batch)))),
    ];
    const times = await interleave(passes, rounds, warmUpMs);
    const quickest = ({ name }: Contender): number => Math.min(...times.get(name)!);
    const one = quickest(passes.find(({ width }) => width === REFERENCE_SIZE.width)!);
    for (const each of passes) {
      const { width, height, batch } = each;
      const work = (width * height * batch) / (REFERENCE_SIZE.width * REFERENCE_SIZE.height);
      points.push({ precision, width, height, batch, ms: quickest(each), ratio: quickest(each) / one / work });
    }
  }
  return points;
}
