import { TASKS } from "../src/core/task.js";
import { interleave, ratioOf, type Spread, spreadOf } from "../src/engines/timing.js";
import { type Graph, INPUT_SCALE } from "../src/graph/graph.js";
import { buildNetwork } from "../src/model/build.js";
import { shuffleTrunk } from "../src/model/trunk.js";
import { writeOnnx } from "../src/onnx/write.js";
import { macsOf, shapesOf } from "../src/program/plan.js";
import { foldNorms } from "../src/quant/fold.js";
import { quantize } from "../src/quant/quantize.js";
import { createEngine } from "../src/wasm/load.js";
import { bareCores } from "./cores.js";
import { crewSteps } from "./crew.js";
import { fourwayPeer, gradientPass, letterboxing, trainingStep } from "./fourway.js";
import { layersTable, timeSteps, watched } from "./layers.js";
import { checkPeer, type Peer } from "./peer.js";
import { REFERENCE_SIZE, randomBytes, referenceNet, shiftedNet } from "./reference.js";
import { type Bare, bareKernels, rateOf } from "./roofline.js";
import { type Point, scaling } from "./scaling.js";
import { measureSizes, type Sizes } from "./size.js";
import { startups } from "./startup.js";

/** What can be measured on its own. */
export const GROUPS = ["infer", "train", "roofline", "size", "start", "scaling", "threads"] as const;
/** A peer that starts late leaves no doubt: fewer rounds do, but not fewer than this. */
const LEAST_STARTS = 7;
/** Pictures of a training step. */
const BATCH = 8;
/** Forward passes that are timed together beside a training step: about as long, so that both meet what else the machine does. */
const PASSES_A_STEP = 32;
/**
 * Gradients are compared in pictures of this size. In larger ones there is nearly always a ReLU whose input lies so near 0 that rounding decides
 * whether it lets a gradient through.
 */
const CHECKED_SIZE = { height: 64, width: 96 };
/** Rounds for a peer that takes seconds, and our runs that are timed together beside one of its. */
const SLOW_ROUNDS = 7;
const GRADIENTS_A_RUN = 20;
/** Timed runs a round of what takes milliseconds. */
const REPEATS = 4;
const PASSES = { forward: 150, training: 15 };

/** One thread's time over two's: the reference net in int8 and f32, a net as the shipped one in both, training that, and bare kernels. */
type InferRatio = "threads2Infer" | "threads2InferF32" | "threads2InferShipped" | "threads2InferShippedF32";
type ThreadsRatio = InferRatio | "threads2Train" | "threads2Bare";

type RatioName =
  | "int8VsBestPeer"
  | "f32VsBestPeer"
  | "f32VsTfjsWasm"
  | "int8VsOwnF32"
  | "trainStepVsOwnForward"
  | "trainStepVsTfjsCpu"
  | "gradientsVsJax"
  | "letterboxShare"
  | "startVsOrt"
  | ThreadsRatio;

/** All figures of a run; what was not asked for or could not run is missing. */
export interface Figures {
  net: { input: string; macs: number; params: number };
  rounds: number;
  /** Milliseconds a picture (letterbox: a frame). */
  times: Record<string, Spread>;
  /** Medians over the rounds. `VsBestPeer`: the fastest peer's time over ours (int8: its best mode; f32: among f32); the others: first named over second. */
  ratios: Partial<Record<RatioName, number>>;
  spreads: Partial<Record<RatioName, Spread>>;
  /** GMAC/s of the bare kernels, and the share of it that the whole net reaches. */
  roofline?: { f32: number; int8: number; f32Share?: number; int8Share?: number };
  bytes?: Sizes;
  arenaBytes?: number;
  /** Arena, parameters, gradients, moments and statistics of a step of eight pictures. */
  trainingBytes?: number;
  /** How time grows with pixels and batch; `worst` is the largest ratio to the line. */
  scaling?: { worst: number; points: Point[] };
  /** A line for each peer that could not run. */
  absent: string[];
}

/** Figures and, with `layers`, profiles as text. */
export interface Report {
  figures: Figures;
  profiles: string[];
}

/** The reference net's folded graph and its int8 twin, with an input for both. */
export async function referenceModels(): Promise<{ training: Graph; f32: Graph; int8: Graph; bytes: Int8Array; input: Float32Array }> {
  const training = referenceNet();
  const f32 = foldNorms(training);
  const pictures = [1, 2, 3].map((seed) => Float32Array.from(randomBytes(seed), (v) => v * Math.fround(INPUT_SCALE)));
  const int8 = quantize(
    await createEngine(),
    f32,
    pictures.map((pixels) => ({ pixels, ...REFERENCE_SIZE })),
  );
  return { training, f32, int8, bytes: randomBytes(1), input: pictures[0]! };
}

type Models = Awaited<ReturnType<typeof referenceModels>>;

/** Measures what `only` names, or everything. */
export async function measure({
  only,
  rounds,
  layers,
}: {
  only?: (typeof GROUPS)[number];
  rounds: number;
  layers: boolean;
}): Promise<Report> {
  const models = await referenceModels();
  const { height, width } = REFERENCE_SIZE;
  const macs = macsOf(models.f32, shapesOf(models.f32, height, width)).reduce((a, b) => a + b, 0);
  const params = [...models.f32.params.values()].reduce((total, { data }) => total + data.length, 0);
  const figures: Figures = { net: { input: `${width}x${height}`, macs, params }, rounds, times: {}, ratios: {}, spreads: {}, absent: [] };
  const profiles: string[] = [];
  const wanted = (name: (typeof GROUPS)[number]): boolean => only === undefined || only === name;

  const bare = wanted("roofline") || wanted("infer") || layers ? bareKernels(await createEngine()) : undefined;
  if (bare) {
    figures.roofline = { f32: rateOf(bare.f32), int8: rateOf(bare.int8) };
    if (wanted("infer")) await inference(figures, models, rounds, bare);
  }
  if (wanted("train")) await training(figures, models, rounds);
  if (wanted("size")) await sizes(figures, models);
  if (wanted("start"))
    await orAbsent(figures, "start beside onnxruntime-web", () => starts(figures, Math.max(LEAST_STARTS, Math.ceil(rounds / 4))));
  if (wanted("threads")) await threads(figures, models, rounds);
  if (wanted("scaling")) {
    const points = await scaling(models, Math.max(3, Math.ceil(rounds / 4)));
    figures.scaling = { worst: Math.max(...points.map(({ ratio }) => ratio)), points };
  }
  if (bare && layers) {
    // once more: the machine may have been slower then than it is now
    const rate = (precision: "f32" | "int8"): number => Math.max(figures.roofline![precision], rateOf(bare[precision]));
    if (wanted("infer"))
      profiles.push(
        await forwardProfile("f32 forward", models, false, rate("f32")),
        await forwardProfile("int8 forward", models, true, rate("int8")),
      );
    if (wanted("train")) profiles.push(await trainingProfile(models, rate("f32")));
  }
  return { figures, profiles };
}

/** What needs something that is not installed (a peer, esbuild) is told as absent. */
async function orAbsent(figures: Figures, name: string, run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    figures.absent.push(`${name}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function keepTimes(figures: Figures, times: ReadonlyMap<string, number[]>): void {
  for (const [name, values] of times) figures.times[name] = spreadOf(values);
}

function keepRatio(figures: Figures, name: RatioName, a: readonly number[], b: readonly number[]): void {
  const spread = ratioOf(a, b);
  figures.ratios[name] = spread.median;
  figures.spreads[name] = spread;
}

async function inference(
  figures: Figures,
  { f32, int8, bytes, input }: Models,
  rounds: number,
  bare: Record<"f32" | "int8", Bare>,
): Promise<void> {
  const own = {
    f32: fourwayPeer("fourway f32", await createEngine(), f32, input, REFERENCE_SIZE),
    int8: fourwayPeer("fourway int8", await createEngine(), int8, bytes, REFERENCE_SIZE),
  };
  own.f32.run();
  own.int8.run();
  const makers: Record<string, (name: string) => Promise<Peer>> = {
    "onnxruntime-web f32": async (name) =>
      (await import("./onnxruntime.js")).onnxruntimePeer(name, writeOnnx(f32, {}), input, REFERENCE_SIZE),
    "onnxruntime-web int8": async (name) =>
      (await import("./onnxruntime.js")).onnxruntimePeer(name, writeOnnx(int8, {}), input, REFERENCE_SIZE),
    "tfjs-backend-wasm f32": async (name) => (await import("./tfjs.js")).tfjsPeer(name, f32, input, REFERENCE_SIZE),
  };
  const peers: Peer[] = [];
  for (const [name, make] of Object.entries(makers))
    await orAbsent(figures, name, async () => {
      const peer = await make(name);
      await peer.run();
      checkPeer(name.endsWith("int8") ? own.int8 : own.f32, peer);
      peers.push(peer);
    });
  const letterbox = letterboxing(await createEngine());
  const contenders = [own.f32, own.int8, ...peers].map(({ name, run }) => ({ name, run, repeats: REPEATS }));
  const precisions = ["f32", "int8"] as const;
  const bareContenders = precisions.map((precision) => ({ name: `bare ${precision}`, run: bare[precision].run, repeats: 2 }));
  const times = await interleave([...contenders, { name: "letterbox", run: letterbox, repeats: REPEATS }, ...bareContenders], rounds);
  for (const precision of precisions) {
    const ms = times.get(`bare ${precision}`)!;
    times.delete(`bare ${precision}`);
    figures.roofline![precision] = bare[precision].macs / 1e6 / spreadOf(ms).p10;
    figures.roofline![`${precision}Share`] =
      (ratioOf(ms, times.get(own[precision].name)!).median * figures.net.macs) / bare[precision].macs;
  }
  keepTimes(figures, times);
  const fastest = (among: readonly Peer[]): number[] | undefined =>
    among.map(({ name }) => times.get(name)!).sort((a, b) => spreadOf(a).median - spreadOf(b).median)[0];
  const [f32Times, int8Times] = [times.get(own.f32.name)!, times.get(own.int8.name)!];
  const best = fastest(peers);
  const bestF32 = fastest(peers.filter(({ name }) => name.endsWith("f32")));
  const tfjs = times.get("tfjs-backend-wasm f32");
  if (best) keepRatio(figures, "int8VsBestPeer", best, int8Times);
  if (bestF32) keepRatio(figures, "f32VsBestPeer", bestF32, f32Times);
  if (tfjs) keepRatio(figures, "f32VsTfjsWasm", tfjs, f32Times);
  keepRatio(figures, "int8VsOwnF32", f32Times, int8Times);
  keepRatio(figures, "letterboxShare", times.get("letterbox")!, int8Times);
  for (const peer of peers) await peer.dispose();
}

async function training(figures: Figures, { training: graph, f32, input }: Models, rounds: number): Promise<void> {
  const own = fourwayPeer("fourway f32, one picture", await createEngine(), f32, input, REFERENCE_SIZE);
  const step = trainingStep(await createEngine(), graph, BATCH);
  const name = `fourway training step of ${BATCH}, a picture`;
  const passes = (): void => {
    for (let i = 0; i < PASSES_A_STEP; i++) own.run();
  };
  const times = await interleave(
    [
      { name: own.name, run: passes, repeats: 2 },
      { name, run: step.run, repeats: 2 },
    ],
    Math.max(1, Math.ceil(rounds / 2)),
  );
  const each = (of: string, pictures: number): number[] => times.get(of)!.map((ms) => ms / pictures);
  times.set(own.name, each(own.name, PASSES_A_STEP));
  times.set(name, each(name, BATCH));
  keepTimes(figures, times);
  keepRatio(figures, "trainStepVsOwnForward", times.get(name)!, times.get(own.name)!);
  await orAbsent(figures, "tfjs-backend-cpu training", async () => {
    const { tfjsTrainingStep } = await (await import("./tfjsBundle.js")).bundledTraining();
    const peer = await tfjsTrainingStep(graph, input, REFERENCE_SIZE);
    const [slow, quick] = await interleave(
      [
        { name: peer.name, run: peer.run, repeats: 1 },
        { name, run: step.run, repeats: 2 },
      ],
      1,
      0,
    ).then((both) => [both.get(peer.name)!, both.get(name)!.map((ms) => ms / BATCH)] as const);
    keepTimes(figures, new Map([[peer.name, slow]]));
    keepRatio(figures, "trainStepVsTfjsCpu", slow, quick);
    await peer.dispose();
  });
  await orAbsent(figures, "jax-js gradients", () => besideJax(figures));
  figures.trainingBytes = step.arenaBytes + step.paramBytes;
}

async function besideJax(figures: Figures): Promise<void> {
  const { jaxGradients } = await import("./jax.js");
  const graph = shiftedNet();
  const both = async (size: typeof REFERENCE_SIZE) => {
    const own = gradientPass("fourway forward and backward, one picture", await createEngine(), graph, 1, size);
    const peer = await jaxGradients("jax-js forward and backward, one picture", graph, own.pictures, own.dOutputs, size);
    own.run();
    await peer.run();
    return [own, peer] as const;
  };
  const [expected, got] = await both(CHECKED_SIZE);
  checkPeer(expected, got);
  await got.dispose();
  const [own, peer] = await both(REFERENCE_SIZE);
  const passes = (): void => {
    for (let i = 0; i < GRADIENTS_A_RUN; i++) own.run();
  };
  const times = await interleave(
    [
      { name: own.name, run: passes, repeats: 1 },
      { name: peer.name, run: peer.run, repeats: 1 },
    ],
    SLOW_ROUNDS,
  );
  times.set(
    own.name,
    times.get(own.name)!.map((ms) => ms / GRADIENTS_A_RUN),
  );
  keepTimes(figures, times);
  keepRatio(figures, "gradientsVsJax", times.get(peer.name)!, times.get(own.name)!);
  await peer.dispose();
}

async function sizes(figures: Figures, { int8, bytes }: Models): Promise<void> {
  await orAbsent(figures, "sizes of bundles", () => {
    figures.bytes = measureSizes();
  });
  figures.arenaBytes = fourwayPeer("fourway int8", await createEngine(), int8, bytes, REFERENCE_SIZE).program.plan.bytes;
}

function starts(figures: Figures, rounds: number): void {
  const { fourway, onnxruntime } = startups(rounds);
  figures.times["start: fourway"] = spreadOf(fourway.result);
  figures.times["start: fourway, after import"] = spreadOf(fourway.withoutImport);
  figures.times["start: onnxruntime-web"] = spreadOf(onnxruntime.result);
  figures.times["start: onnxruntime-web, after import"] = spreadOf(onnxruntime.withoutImport);
  keepRatio(figures, "startVsOrt", onnxruntime.result, fourway.result);
}

async function threads(figures: Figures, { f32, int8, bytes, input }: Models, rounds: number): Promise<void> {
  const shipped = foldNorms(buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, seed: 1 }));
  const shippedInt8 = quantize(await createEngine(), shipped, [{ pixels: input, ...REFERENCE_SIZE }]);
  await trainingThreads(figures, rounds);
  const nets: [InferRatio, string, Graph, Float32Array | Int8Array][] = [
    ["threads2Infer", "int8", int8, bytes],
    ["threads2InferF32", "f32", f32, input],
    ["threads2InferShipped", "shipped int8", shippedInt8, bytes],
    ["threads2InferShippedF32", "shipped f32", shipped, input],
  ];
  const cores = await bareCores();
  const bare = [cores.one, cores.two].map((run, i) => ({ name: `bare kernel, threads: ${i + 1}`, run, times: [] as number[] }));
  for (const [ratio, name, graph, data] of nets) {
    const engines = await Promise.all([createEngine(1), createEngine(2)]);
    const { singleThreadReason } = engines[1];
    if (singleThreadReason !== undefined) {
      figures.absent.push(`two threads: ${singleThreadReason}`);
      break;
    }
    const [one, two] = engines.map((engine, i) => fourwayPeer(`fourway ${name}, threads: ${i + 1}`, engine, graph, data, REFERENCE_SIZE));
    const contenders = [one!, two!, ...bare].map(({ name, run }) => ({ name, run, repeats: 2 * REPEATS }));
    const times = await interleave(contenders, rounds);
    keepTimes(figures, times);
    keepRatio(figures, ratio, times.get(one!.name)!, times.get(two!.name)!);
    for (const each of bare) each.times.push(...times.get(each.name)!);
    engines[1].threads!.close();
  }
  await cores.close();
  const [one, two] = bare.map(({ times }) => times);
  if (one!.length > 0) keepRatio(figures, "threads2Bare", one!, two!);
}

async function trainingThreads(figures: Figures, rounds: number): Promise<void> {
  const crews = [await crewSteps(1, BATCH), await crewSteps(2, BATCH)];
  const contenders = crews.map(({ run }, i) => ({ name: `fourway training step of ${BATCH}, threads: ${i + 1}`, run, repeats: 2 }));
  const times = await interleave(contenders, Math.max(1, Math.ceil(rounds / 2)));
  keepTimes(figures, times);
  const [one, two] = contenders.map(({ name }) => times.get(name)!);
  keepRatio(figures, "threads2Train", one!, two!);
  for (const crew of crews) await crew.close();
}

async function forwardProfile(title: string, { f32, int8, bytes, input }: Models, quantized: boolean, roofline: number): Promise<string> {
  const engine = await createEngine();
  const { program, run } = quantized
    ? fourwayPeer("fourway int8", engine, int8, bytes, REFERENCE_SIZE)
    : fourwayPeer("fourway f32", engine, f32, input, REFERENCE_SIZE);
  for (let i = 0; i < PASSES.forward; i++) run();
  const { offset } = program.inputs[0]!;
  const restore = (): void => (quantized ? engine.memory.i8.set(bytes, offset) : engine.memory.f32.set(input, offset >> 2));
  return layersTable(title, timeSteps(program, PASSES.forward, restore), roofline);
}

async function trainingProfile({ training: graph }: Models, roofline: number): Promise<string> {
  const engine = watched(await createEngine());
  const { run } = trainingStep(engine, graph, BATCH);
  for (let i = 0; i < 3 + PASSES.training; i++) {
    if (i === 3) engine.profile();
    engine.begin();
    run();
  }
  return layersTable(`training step of ${BATCH} pictures, kernels`, engine.profile(), roofline);
}
