import { type Bytes, kindOf, viewOf } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import { OPERATING_POINTS, type OperatingPoint } from "../core/operatingPoint.js";
import { sha256 } from "../core/sha256.js";
import type { Task } from "../core/task.js";
import { type Graph, INPUT_SCALE, INPUT_ZERO } from "../graph/graph.js";
import { GREY, PIXELS } from "../image/letterbox.js";
import { readOnnx } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import { mapName } from "./build.js";
import { type BetaCalibration, IDENTITY, type PlattScaling } from "./calibration.js";
import { BOX_HEAD, BOX_MAPS, checkMaps, type HeadMaps, headLayout } from "./head.js";

/** What a detector must know beside the network. */
export interface ModelInfo extends HeadMaps {
  tasks: Task[];
  /** About so many pixels the default input has; its sides follow the frame's aspect. */
  pixels: number;
  /** Objects with a lower score are not reported, a task each at every operating point. */
  thresholds: Record<OperatingPoint, Record<Task, number>>;
  /** Calibration of scores by the box's size in the input, a task each: the probability that a detection is right at IoU .5. */
  scores: Record<Task, PlattScaling>;
  /** Calibration of presence from a task's largest logit, by the input's size. */
  presence: Record<Task, BetaCalibration>;
  /** How the model came to be, in words: training data, command, trunk, seed, .. */
  notes: Record<string, string>;
}

/** A network and what a detector must know beside it. */
export interface Model {
  graph: Graph;
  info: ModelInfo;
}

/** Score above which objects are reported where a model says nothing else. */
export const DEFAULT_THRESHOLD = 0.35;
/** Pixels of the default input: 320 x 192. */
export const DEFAULT_PIXELS = 61440;

/** A value for each task. */
function perTask<T>(tasks: readonly Task[], of: (task: Task) => T): Record<Task, T> {
  return Object.fromEntries(tasks.map((task) => [task, of(task)]));
}

/** The same thresholds at every operating point. */
function alike(thresholds: Record<Task, number>): ModelInfo["thresholds"] {
  return { precise: { ...thresholds }, balanced: { ...thresholds }, sensitive: { ...thresholds } };
}

/** Info of a model that nothing is known of but its tasks and maps. */
export function defaultInfo(tasks: readonly Task[], { strides, layout }: HeadMaps = BOX_MAPS): ModelInfo {
  return {
    tasks: [...tasks],
    strides,
    layout,
    pixels: DEFAULT_PIXELS,
    thresholds: alike(perTask(tasks, () => DEFAULT_THRESHOLD)),
    scores: perTask(tasks, () => IDENTITY),
    presence: perTask(tasks, () => IDENTITY),
    notes: {},
  };
}

/**
 * What a model's metadata calls its format. Files of the first one say nothing of their heads: they have `BOX_HEAD`. Those of the first two have
 * one threshold a task, for every operating point, scores as they are, and presence calibrated for one size.
 */
const FORMAT = "fourway.3";
const FORMAT_2 = "fourway.2";
const FORMAT_1 = "fourway.1";

/** Whether metadata is that of a Fourway model. */
export function isFourway({ format }: Readonly<Record<string, string>>): boolean {
  return format === FORMAT || format === FORMAT_2 || format === FORMAT_1;
}

const NORMALISATION = JSON.stringify({ order: "RGB", zero: INPUT_ZERO, scale: INPUT_SCALE, letterbox: GREY });

const NO_DIGEST = "0".repeat(64);
/** How the entry of the digest begins in a file: metadata_props, its length, the key, the value's length. */
const DIGEST_ENTRY = new TextEncoder().encode("rJ\n\x06sha256\x12@");

/** Where the digest's digits begin in a file, or -1. */
function digestAt(file: Uint8Array): number {
  const [first] = DIGEST_ENTRY;
  for (let at = file.indexOf(first!); at >= 0; at = file.indexOf(first!, at + 1))
    if (DIGEST_ENTRY.every((byte, i) => file[at + i] === byte)) return at + DIGEST_ENTRY.length;
  return -1;
}

/** SHA-256 of a file in whose digest all digits are 0. */
function digestOf(file: Uint8Array, at: number): string {
  const blank = file.slice();
  blank.set(new TextEncoder().encode(NO_DIGEST), at);
  return sha256(blank);
}

/** The model as one ONNX file, its info in metadata_props; `sha256` there is the digest of the file with that entry's digits 0. */
export function saveModel({ graph, info }: Model): Uint8Array {
  const { notes, ...rest } = info;
  const file = writeOnnx(graph, {
    sha256: NO_DIGEST,
    ...notes,
    format: FORMAT,
    tasks: JSON.stringify(rest.tasks),
    pixels: String(rest.pixels),
    strides: JSON.stringify(rest.strides),
    head: JSON.stringify(rest.layout.outputs),
    ...(rest.layout.points ? { mirror: JSON.stringify(rest.layout.points.mirror) } : {}),
    normalisation: NORMALISATION,
    thresholds: JSON.stringify(rest.thresholds),
    scores: JSON.stringify(rest.scores),
    presence: JSON.stringify(rest.presence),
  });
  const at = digestAt(file);
  file.set(new TextEncoder().encode(digestOf(file, at)), at);
  return file;
}

const OWN = new Set([
  "sha256",
  "format",
  "tasks",
  "pixels",
  "strides",
  "head",
  "mirror",
  "normalisation",
  "thresholds",
  "scores",
  "presence",
]);

const finite = (v: unknown): v is number => typeof v === "number" && Number.isFinite(v);

/** Presence as files of the first two formats have it. */
interface Pair {
  scale: number;
  offset: number;
}

const isPair = (v: unknown): v is Pair => finite((v as Pair | null)?.scale) && finite((v as Pair | null)?.offset);

const oneSize = ({ scale, offset }: Pair): PlattScaling => ({ ...IDENTITY, scales: [scale], offsets: [offset] });

/** At most so many sizes in a calibration. */
const MAX_SIZES = 64;

/** Whether a value from a file is a calibration: lists of one length, sizes rising, scales positive, with their bends too. */
function isCalibration(v: unknown): v is BetaCalibration {
  const { sizes, scales, offsets, bends } = (v ?? {}) as Partial<Record<keyof BetaCalibration, unknown>>;
  const lists = bends === undefined ? [sizes, scales, offsets] : [sizes, scales, offsets, bends];
  if (!lists.every((list) => Array.isArray(list) && list.every(finite))) return false;
  const [at, by, more] = [sizes, scales, bends] as [number[], number[], number[] | undefined];
  return (
    at.length >= 1 &&
    at.length <= MAX_SIZES &&
    lists.every((list) => (list as number[]).length === at.length) &&
    at.every((size, i) => size > (at[i - 1] ?? 0)) &&
    by.every((scale, i) => scale > 0 && scale + (more?.[i] ?? 0) > 0)
  );
}

const isScaling = (v: unknown): v is PlattScaling => isCalibration(v) && v.bends === undefined;

/**
 * Reads what `saveModel` wrote, from a buffer, typed array or DataView. A file of an older version has no digest and is not checked for damage.
 * @throws E_ARGUMENT for anything but bytes; E_ONNX where the file cannot be read; E_MODEL where it is damaged, or another network, saying what is
 * missing
 */
export function loadModel(file: Bytes): Model {
  const bytes = viewOf(file);
  if (!bytes)
    throw new FourwayError(
      "E_ARGUMENT",
      `model: expected a file's bytes as ArrayBuffer, SharedArrayBuffer, typed array or DataView, got ${kindOf(file)}; read them first, or pass it to Detector.load`,
    );
  const { graph, metadata } = readOnnx(bytes);
  if (metadata.sha256 !== undefined) {
    const at = digestAt(bytes);
    if (at < 0 || digestOf(bytes, at) !== metadata.sha256)
      throw new FourwayError(
        "E_MODEL",
        "model: expected a file as saveModel wrote it, got one whose bytes differ from its digest; copy it again, or, where it was changed on purpose, remove sha256 from its metadata",
      );
  }
  if (!isFourway(metadata))
    throw new FourwayError(
      "E_MODEL",
      `model: expected metadata format ${FORMAT}, got ${metadata.format ?? "none"}; train or quantize a model with fourway`,
    );
  if (metadata.normalisation !== NORMALISATION)
    throw new FourwayError(
      "E_MODEL",
      `model: expected the normalisation ${NORMALISATION}, got ${metadata.normalisation ?? "none"}; train it again with this version`,
    );
  const parse = (key: string, fits: (value: unknown) => boolean): unknown => {
    let value: unknown;
    try {
      value = JSON.parse(metadata[key] ?? "");
    } catch {
      value = undefined;
    }
    if (!fits(value))
      throw new FourwayError(
        "E_MODEL",
        `model: expected metadata "${key}" to be of its kind, got ${(metadata[key] ?? "nothing").slice(0, 80)}`,
      );
    return value;
  };
  const tasks = parse(
    "tasks",
    (v) => Array.isArray(v) && v.length > 0 && v.length <= 64 && v.every((t) => typeof t === "string" && t !== ""),
  ) as Task[];
  const isRecord = (v: unknown, keys: readonly string[], fits: (value: unknown) => boolean): boolean =>
    typeof v === "object" && v !== null && keys.every((key) => Object.hasOwn(v, key) && fits((v as Record<string, unknown>)[key]));
  const isThresholds = (v: unknown): boolean => isRecord(v, tasks, (t) => finite(t) && t >= 0 && t <= 1);
  const pixels = parse("pixels", (v) => finite(v) && v >= PIXELS.least && v <= PIXELS.mostTrained) as number;
  const older = metadata.format !== FORMAT;
  const thresholds = older
    ? alike(parse("thresholds", isThresholds) as Record<Task, number>)
    : (parse("thresholds", (v) => isRecord(v, OPERATING_POINTS, isThresholds)) as ModelInfo["thresholds"]);
  const scores = older ? perTask(tasks, () => IDENTITY) : (parse("scores", (v) => isRecord(v, tasks, isScaling)) as ModelInfo["scores"]);
  const presence = older
    ? perTask(tasks, (task) => oneSize((parse("presence", (v) => isRecord(v, tasks, isPair)) as Record<Task, Pair>)[task]!))
    : (parse("presence", (v) => isRecord(v, tasks, isCalibration)) as ModelInfo["presence"]);
  const strides = parse("strides", (v) => Array.isArray(v) && v.length > 0 && v.every(finite)) as number[];
  const isOutput = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && typeof v[0] === "string" && finite(v[1]);
  const outputs = (): unknown => parse("head", (v) => Array.isArray(v) && v.length > 0 && v.every(isOutput));
  const mirror = metadata.mirror === undefined ? undefined : (parse("mirror", (v) => Array.isArray(v) && v.every(finite)) as number[]);
  const layout = metadata.format === FORMAT_1 ? BOX_HEAD : headLayout(outputs() as [string, number][], mirror);
  checkMaps({ strides, layout });
  const expected = strides.flatMap((stride) => tasks.map((task) => mapName(task, stride)));
  if (expected.join() !== graph.outputs.join())
    throw new FourwayError("E_MODEL", `model: expected the outputs ${expected.join(", ")}, got ${graph.outputs.join(", ")}`);
  const int8 = graph.outputs.find((name) => graph.scales?.has(name));
  if (int8 !== undefined)
    throw new FourwayError("E_MODEL", `model: expected float outputs, got "${int8}" in int8; leave the outputs out of the quantization`);
  const notes = Object.fromEntries(Object.entries(metadata).filter(([key]) => !OWN.has(key)));
  return { graph, info: { tasks, strides, layout, pixels, thresholds, scores, presence, notes } };
}
