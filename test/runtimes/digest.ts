// What every runtime must compute alike, in words that all of them understand: no import here is for Node alone.
import { relaxedSimd } from "wasm-feature-detect";
import { readAddress } from "../../src/core/address.js";
import { type Detection, Detector, drawScene, type FourwayError, type Frame, type Sample, type WasmSource } from "../../src/index.js";
import { Learner } from "../../src/learn/index.js";
import { decodeCheckpoint, train } from "../../src/train/index.js";
import { setOwnKernels } from "../../src/wasm/load.js";

/** What one process or page is asked to do. Addresses are URLs. */
export interface Question {
  /** A .wasm file. */
  wasm: string;
  /** How `Detector.load` gets it; own: not at all, the package picks. */
  by: "bytes" | "module" | "response" | "url" | "own";
  int8: string;
  frames: number;
  /** An f32 model and what it gave elsewhere: the head outputs of `F32_FRAMES` frames as little-endian floats. */
  f32?: { model: string; golden: string };
  /** Whether to train a little. */
  training: boolean;
}

/** What it found. */
export interface Answer {
  /** Whether the runtime knows relaxed SIMD. */
  relaxed: boolean;
  /** What `Detector.load` said to a page in place of WebAssembly. */
  refusal: string;
  /** sha256 of the drawn frames: where they differ, nothing else can agree. */
  drawn: string;
  /** sha256 of the int8 head outputs of all frames, as they lie in memory. */
  outputs: string;
  /** The same a frame, shortened: tells which frame differs. */
  each: string[];
  detections: Omit<Detection, "ms">[];
  /** sha256 of weights, optimizer moments and averages after `TRAINING_STEPS`; empty where it was not asked to train. */
  trained: string;
  /** sha256 of the file that a learner made of the int8 model; empty where it was not asked to train. */
  learned: string;
  /** Of the f32 outputs to the golden ones, over the largest value of each map. */
  distance: number;
}

export const F32_FRAMES = 4;
/** Four sizes of frames: four inputs, of which two have bars. */
const SIZES = [
  [320, 192],
  [200, 300],
  [400, 96],
  [256, 250],
] as const;

/** The same pixels everywhere. */
export function frameOf(index: number): Frame {
  const [width, height] = SIZES[index % SIZES.length]!;
  return drawScene(4, index, { width, height }).frame;
}

/** The head outputs of the frame that a detector saw last, a map each: f32 [height, width, stored channels]. */
export function mapsOf(detector: Detector, frame: Frame): Float32Array<ArrayBuffer>[] {
  // biome-ignore lint/complexity/useLiteralKeys: what a user does not see
  const workspace = detector["workspace"]!;
  const { f32 } = workspace.engine.memory;
  return workspace
    .prepare(frame)
    .program.outputs.map(({ offset, height, width }) => f32.slice(offset >> 2, (offset >> 2) + height * width * STORED));
}
/** A head's five channels are stored as eight. */
const STORED = 8;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** All parts behind each other. */
export function joined(parts: readonly ArrayBufferView[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    all.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return all;
}

async function kernelsFor({ wasm, by }: Question): Promise<WasmSource | undefined> {
  if (by === "own") return undefined;
  if (by === "url") return new URL(wasm);
  const bytes = await readAddress(wasm);
  if (by === "bytes") return bytes;
  return by === "module" ? WebAssembly.compile(bytes) : new Response(bytes);
}

/** What a page in place of WebAssembly is told. */
function refusalOf(model: string): Promise<string> {
  const page = new Response("<!doctype html><title>not here</title>");
  return Detector.load(model, { wasm: page }).then(
    () => "",
    ({ code, message }: FourwayError) => `${code}: ${message}`,
  );
}

/** Largest difference of the f32 outputs to the golden ones, over the largest value of each map. */
async function distanceOf(model: string, golden: string, wasm: WasmSource | undefined): Promise<number> {
  const expected = new Float32Array((await readAddress(golden)).buffer);
  using detector = await Detector.load(model, { wasm });
  let at = 0;
  let largest = 0;
  for (let i = 0; i < F32_FRAMES; i++) {
    const frame = frameOf(i);
    detector.detect(frame);
    for (const map of mapsOf(detector, frame)) {
      let [peak, most] = [0, 0];
      for (const value of map) {
        peak = Math.max(peak, Math.abs(expected[at]!));
        most = Math.max(most, Math.abs(value - expected[at]!));
        at++;
      }
      largest = Math.max(largest, most / peak);
    }
  }
  return at === expected.length ? largest : Number.POSITIVE_INFINITY;
}

/** The second step's gradients come from weights that the first one moved. */
const TRAINING_STEPS = 2;
/** Images of a training, which are the images of a step too. */
const IMAGES = 8;

/**
 * The whole way from drawn scenes to moved weights: random weights, sampling, augmentation, resampling, forward, assignment, loss, backward,
 * clipping, AdamW, averages.
 */
async function trainedDigest(wasm: WasmSource | undefined): Promise<string> {
  if (wasm !== undefined) await setOwnKernels(wasm);
  const scenes = Array.from({ length: IMAGES }, (_, i) => drawScene(6, i, { width: 160, height: 112 }));
  const samples = scenes.map(
    ({ frame: { width, height }, labels, ignore }, i): Sample => ({
      image: `${i}`,
      width,
      height,
      split: "train",
      group: `${i}`,
      set: "drawn",
      labels: i === 0 ? { ...labels, car: true } : labels, // one that stays whole
      ignore,
    }),
  );
  let checkpoint = new Uint8Array();
  await train(samples, {
    read: (image) => scenes[Number(image)]!.frame,
    epochs: TRAINING_STEPS,
    batch: IMAGES,
    pixels: 8192,
    network: { path: 16, head: 8 },
    store: {
      name: "memory",
      read: async () => null,
      async write(what, bytes) {
        if (what === "checkpoint") checkpoint = new Uint8Array(bytes);
      },
    },
  });
  const { state, step } = await decodeCheckpoint(checkpoint, "memory");
  if (step !== TRAINING_STEPS || !state.every(Number.isFinite)) throw new Error(`trained ${step} steps, to weights that are no numbers`);
  return sha256(joined([state]));
}

/** Frames that a learner learns from: so few that none is held back. */
const LEARNED_FRAMES = 3;
/** Of the learner: room for the path and few scenes. */
const LEARNER_BYTES = 10e6;

/** From frames with labels to a file of int8 weights, thresholds and calibrations. */
async function learnedDigest(model: string, wasm: WasmSource | undefined): Promise<string> {
  await using learner = await Learner.open(model, { wasm, memoryBytes: LEARNER_BYTES, seed: 5 });
  for (let i = 0; i < LEARNED_FRAMES; i++) {
    const { frame, labels, ignore } = drawScene(8, i, { width: 320, height: 192 });
    await learner.add(frame, labels, { ignore, sure: true });
  }
  const { what, refused } = await learner.fit({ what: "path", steps: TRAINING_STEPS });
  if (what !== "path" || refused.length > 0) throw new Error(`learned ${what}, refused ${refused}`);
  const { sha256 } = await learner.commit();
  return sha256;
}

/** Runs it all. */
export async function answer(question: Question): Promise<Answer> {
  const wasm = await kernelsFor(question);
  using detector = await Detector.load(question.int8, { wasm });
  const [drawn, each, detections]: [string[], string[], Answer["detections"]] = [[], [], []];
  for (let i = 0; i < question.frames; i++) {
    const frame = frameOf(i);
    const { presence, objects } = detector.detect(frame);
    drawn.push(await sha256(joined([frame.data])));
    each.push(await sha256(joined(mapsOf(detector, frame))));
    detections.push({ presence, objects });
  }
  const total = (parts: string[]): Promise<string> => sha256(new TextEncoder().encode(parts.join("\n")));
  return {
    relaxed: await relaxedSimd(),
    refusal: await refusalOf(question.int8),
    drawn: await total(drawn),
    outputs: await total(each),
    each: each.map((hash) => hash.slice(0, 8)),
    detections,
    trained: question.training ? await trainedDigest(wasm) : "",
    learned: question.training ? await learnedDigest(question.int8, wasm) : "",
    distance: question.f32 ? await distanceOf(question.f32.model, question.f32.golden, wasm) : 0,
  };
}
