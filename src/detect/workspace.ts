import { FourwayError } from "../core/errors.js";
import type { Frame, YuvFrame } from "../core/frame.js";
import { type Graph, INPUT_SCALE, imageOf } from "../graph/graph.js";
import { INPUT_MULTIPLE, inputSize, type Letterbox, letterboxBytes, letterboxed, maxTaps, prepareLetterbox } from "../image/letterbox.js";
import { WHOLE } from "../model/head.js";
import type { Model, ModelInfo } from "../model/model.js";
import type { Place } from "../ops/op.js";
import { compileForward, type Program } from "../program/forward.js";
import { type PlacedParams, placeParams } from "../program/params.js";
import { planForward, shapesOf } from "../program/plan.js";
import { INT8, precisionOf } from "../program/precision.js";
import { foldNorms } from "../quant/fold.js";
import type { Engine } from "../wasm/load.js";
import { roomFor } from "../wasm/memory.js";
import type { HeadMap } from "./decode.js";
import { type LogitsFirst, logitsFirst, RowRoom } from "./lateRows.js";
import { checkPixels } from "./options.js";

/** Frame sizes whose plans are kept; of more, the oldest goes. */
const MAX_SIZES = 8;

/** A network planned for frames of one size: offsets in the kernels' memory. */
interface SizedNetwork {
  width: number;
  height: number;
  /** Of the input, about, that were asked for. */
  pixels: number;
  program: Program;
  letterbox: Letterbox;
  /** A task's maps each, fine to coarse. */
  maps: HeadMap[][];
  /** Where the frame's RGBA bytes go. */
  rgba: number;
  /** Where the planes of a frame go that is no RGBA. */
  planes: number | undefined;
  /** Where the letterbox writes signed bytes: an int8 network's input itself, or a buffer before an f32 one's. */
  bytes: number;
  /** Where the region's part of this size ends. */
  end: number;
  /** The letterbox's tables, put back when another size has used their place. */
  tables: Int32Array;
}

/**
 * The kernels' memory of one detector: the parameters and the rows of candidates, and above them one region in which frames of each size lay out, from the bottom,
 * the network's arena, the letterbox's tables, its bytes (f32 networks only), the frame and its planes (where it is Y'CbCr). The region grows to the largest size seen.
 */
export class Workspace {
  /** What runs over a frame: the network, or its logits first. */
  private readonly graph: Graph;
  private readonly late: { heads: LogitsFirst["heads"]; room: RowRoom } | undefined;
  private readonly params: PlacedParams;
  private readonly base: number;
  private end: number;
  private readonly sizes: SizedNetwork[] = [];
  private current: SizedNetwork | undefined;

  /**
   * @param pixels of the input, about; may be changed between two frames
   * @throws E_ARGUMENT for pixels out of range; E_MODEL for a graph whose input or maps are not those of a detector
   */
  constructor(
    readonly engine: Engine,
    private readonly model: Model,
    public pixels: number,
  ) {
    checkPixels(pixels);
    const { graph, info } = model;
    const whole = graph.nodes.some(({ op }) => op === "norm") ? foldNorms(graph) : graph;
    checkNetwork(whole, info);
    const first = logitsFirst(whole, info.layout);
    this.graph = first?.graph ?? whole;
    const all = first ? { ...first.graph, nodes: [...first.graph.nodes, ...first.heads.map(({ node }) => node)] } : whole;
    this.params = placeParams(engine, all);
    if (first) this.late = { heads: first.heads, room: new RowRoom(engine, all, first.heads, this.params, info.layout) };
    this.base = engine.memory.mark;
    this.end = this.base;
  }

  /** The network for a frame's size, its tables and room in place. @throws E_RUNTIME where memory ends */
  prepare(frame: Frame | YuvFrame): SizedNetwork {
    const { width, height } = frame;
    let sized: SizedNetwork | undefined;
    for (const known of this.sizes)
      if (
        known.width === width &&
        known.height === height &&
        known.pixels === this.pixels &&
        (known.planes !== undefined) === "format" in frame
      )
        sized = known;
    if (sized && sized === this.current) return sized;
    this.current = undefined; // until all that follows has gone well
    if (sized) this.engine.memory.i32.set(sized.tables, sized.letterbox.rows >> 2);
    else {
      sized = this.plan(frame);
      if (this.sizes.push(sized) > MAX_SIZES) this.sizes.shift();
    }
    this.current = sized;
    return sized;
  }

  private plan(frame: Frame | YuvFrame): SizedNetwork {
    const { pixels } = this;
    const { width, height } = frame;
    const { tasks, strides, layout } = this.model.info;
    const input = inputSize(width, height, pixels);
    const plan = planForward(this.graph, { batch: 1, ...input }, false, this.engine.threads?.parts);
    const placement = letterboxed({ width, height }, input);
    const most = Math.max(maxTaps(width, placement.width), maxTaps(height, placement.height));
    const quantized = precisionOf(this.graph, imageOf(this.graph)) === INT8;

    let end = this.base;
    const take = (bytes: number): number => {
      const at = end;
      end += roomFor(bytes);
      return at;
    };
    const arena = take(plan.bytes);
    const tables = take(letterboxBytes({ width, height }, input, most));
    const bytes = quantized ? undefined : take(3 * input.width * input.height);
    const rgba = take(4 * width * height);
    const planes = "format" in frame ? take(frame.data.length) : undefined;
    this.makeRoom(end);

    const program = compileForward(this.engine, plan, this.params, arena);
    const letterbox = prepareLetterbox(this.engine, tables, { width, height }, placement);
    const count = tasks.length;
    const maps = Array.from({ length: count }, (_, task) =>
      strides.map((stride, level) => ({ ...this.mapAt(program, level * count + task), stride, layout })),
    );
    return {
      width,
      height,
      pixels,
      program,
      letterbox,
      maps,
      rgba,
      planes,
      bytes: bytes ?? program.inputs[0]!.offset,
      end,
      tables: this.engine.memory.i32.slice(letterbox.rows >> 2, letterbox.sums >> 2),
    };
  }

  /** Where one of the network's maps is. */
  private mapAt({ outputs }: Program, index: number): Pick<HeadMap, "at" | "height" | "width" | "rows"> {
    if (!this.late) {
      const { offset, height, width } = outputs[index]!;
      return { at: offset >> 2, height, width };
    }
    const { node, logits: name, channel } = this.late.heads[index]!;
    const place = (value: string): Place => outputs[this.graph.outputs.indexOf(value)]!;
    const logits = place(name);
    const { offset, height, width } = logits;
    return { at: (offset >> 2) + channel, height, width, rows: this.late.room.late(index, logits, place(node.inputs[0]!)) };
  }

  /** Lets the region reach to `end`. */
  private makeRoom(end: number): void {
    if (end <= this.end) return;
    const { memory } = this.engine;
    memory.release(this.base);
    this.end = this.base;
    memory.reserve(end - this.base);
    this.end = end;
  }
}

/** Throws E_MODEL unless the graph takes Fourway's input and gives a map of the layout's channels a task and stride. */
function checkNetwork(graph: Graph, { tasks: { length: tasks }, strides, layout }: ModelInfo): void {
  const scale = graph.scales?.get(imageOf(graph));
  if (graph.scales && !(scale !== undefined && Math.abs(scale / INPUT_SCALE - 1) < 1e-5))
    throw new FourwayError(
      "E_MODEL",
      `model: expected an int8 input in steps of ${INPUT_SCALE}, got ${scale ?? "an f32 input"}; quantize it with fourway`,
    );
  if (graph.outputs.length !== strides.length * tasks)
    throw new FourwayError("E_MODEL", `model: expected ${strides.length * tasks} maps, got ${graph.outputs.length} outputs`);
  const side = 2 * INPUT_MULTIPLE;
  const shapes = shapesOf(graph, side, side);
  graph.outputs.forEach((name, i) => {
    const { height, width, channels } = shapes.get(name)!;
    const stride = strides[Math.floor(i / tasks)]!;
    const wanted = stride === WHOLE ? 1 : Math.ceil(side / stride);
    if (channels !== layout.channels || height !== wanted || width !== wanted)
      throw new FourwayError(
        "E_MODEL",
        `model: expected "${name}" to be ${wanted} x ${wanted} x ${layout.channels} for an input of ${side} x ${side}, got ${height} x ${width} x ${channels}`,
      );
  });
}
