// Runs in a page: one net on Fourway and on the engines that users would pick instead, taking turns.
import * as tfjs from "@tensorflow/tfjs-backend-wasm";
import * as ort from "onnxruntime-web";
import { interleave } from "../src/engines/timing.js";
import { type Graph, INPUT_SCALE } from "../src/graph/graph.js";
import { writeOnnx } from "../src/onnx/write.js";
import { macsOf, shapesOf } from "../src/program/plan.js";
import { foldNorms } from "../src/quant/fold.js";
import { quantize } from "../src/quant/quantize.js";
import { createEngine } from "../src/wasm/load.js";
import { asked, report } from "../test/browser/page.js";
import { NETS, type NetName } from "./browserNets.js";
import { fourwayPeer } from "./fourway.js";
import { litertPeer } from "./litert.js";
import { onnxruntimePeer } from "./onnxruntime.js";
import { checkPeer, type Peer } from "./peer.js";
import { randomBytes } from "./reference.js";
import { tfjsPeer } from "./tfjs.js";
import { writeTflite } from "./tflite.js";

/** Where the peers' WebAssembly is served. */
const WASM = "/wasm/";
/** A page's clock has steps of a tenth of a millisecond: runs with so many multiply-accumulates are timed together. */
const MACS_A_TIME = 200e6;
const REPEATS = 4;
/** LiteRT.js has its int8 outputs in steps of their own, where the others' are f32 sums. */
const LITERT_INT8_DIFFERENCE = 0.01;

/** What a page is asked. */
export interface Asked {
  net: NetName;
  rounds: number;
}

/** What it measured: the milliseconds of each round by engine, Fourway's first, and why an engine is missing. */
export interface Answer {
  net: string;
  input: string;
  macs: number;
  ms: Record<string, number[]>;
  absent: string[];
}

await report(async (): Promise<Answer> => {
  const { net, rounds } = asked<Asked>();
  const { graph, size } = NETS[net];
  const f32 = foldNorms(graph());
  const bytes = randomBytes(1, size);
  const input = Float32Array.from(bytes, (v) => v * Math.fround(INPUT_SCALE));
  const int8 = quantize(await createEngine(), f32, [{ pixels: input, ...size }]);
  const own = {
    f32: fourwayPeer("fourway f32", await createEngine(), f32, input, size),
    int8: fourwayPeer("fourway int8", await createEngine(), int8, bytes, size),
  };
  own.f32.run();
  own.int8.run();

  ort.env.wasm.wasmPaths = WASM;
  tfjs.setWasmPaths(WASM);
  const litert = (name: string, graph: Graph, outputScales?: ReadonlyMap<string, number>): Promise<Peer> =>
    litertPeer(name, WASM, writeTflite(graph, size, outputScales), input, size, graph.outputs);
  const peakOf = (values: Float32Array): number => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const outputScales = new Map([...own.int8.outputs()].map(([output, values]) => [output, peakOf(values) / 127]));
  const makers: [name: string, own: Peer, largest: number | undefined, make: (name: string) => Promise<Peer>][] = [
    ["onnxruntime-web f32", own.f32, undefined, (name) => onnxruntimePeer(name, writeOnnx(f32, {}), input, size)],
    ["onnxruntime-web int8", own.int8, undefined, (name) => onnxruntimePeer(name, writeOnnx(int8, {}), input, size)],
    ["tfjs-backend-wasm f32", own.f32, undefined, (name) => tfjsPeer(name, f32, input, size)],
    ["LiteRT.js f32", own.f32, undefined, (name) => litert(name, f32)],
    ["LiteRT.js int8", own.int8, LITERT_INT8_DIFFERENCE, (name) => litert(name, int8, outputScales)],
  ];
  const peers: Peer[] = [];
  const absent: string[] = [];
  for (const [name, ours, largest, make] of makers)
    try {
      const peer = await make(name);
      await peer.run();
      checkPeer(ours, peer, largest);
      peers.push(peer);
    } catch (error) {
      absent.push(`${net}, ${name}: ${(error as Error).message ?? error}`);
    }
  const macs = macsOf(f32, shapesOf(f32, size.height, size.width)).reduce((a, b) => a + b, 0);
  const runs = Math.ceil(MACS_A_TIME / macs);
  const contenders = [own.int8, own.f32, ...peers].map(({ name, run }) => ({
    name,
    repeats: REPEATS,
    async run() {
      for (let i = 0; i < runs; i++) await run();
    },
  }));
  const times = await interleave(contenders, rounds);
  return {
    net,
    input: `${size.width}x${size.height}`,
    macs,
    ms: Object.fromEntries([...times].map(([name, values]) => [name, values.map((ms) => ms / runs)])),
    absent,
  };
});
