import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Frame } from "../../src/core/frame.js";
import { Detector } from "../../src/detect/detector.js";
import { loadModel } from "../../src/model/model.js";
import { colourModel, randomModel } from "./models.js";

const FRAMES = 1000;
/** Bytes of heap that all these frames together may leave behind: less than 5 a frame. */
const LEFT_BEHIND = 4096;
/** Bytes of garbage a frame in which nothing is found: the result, and the numbers that V8 boxes between functions, those of the calibrations of presence too. */
const A_FRAME = 2560;
/** V8 goes on compiling for a while, on a busy machine for long, which takes heap too; what frames leave behind shows in every round: one without is enough. */
const ROUNDS = 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** The memories that the kernels were given, seen from outside. */
function watchMemories(): WebAssembly.Memory[] {
  const seen: WebAssembly.Memory[] = [];
  const Original = WebAssembly.Memory;
  WebAssembly.Memory = class extends Original {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      seen.push(this);
    }
  };
  return seen;
}

const memories = watchMemories();

function frameOf(width: number, height: number): Frame {
  return { width, height, data: Uint8Array.from({ length: 4 * width * height }, (_, i) => (i * 2654435761) >>> 24) };
}

function heap(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

for (const [name, model, threads] of [
  ["the network", randomModel(), 1],
  ["an int8 network", loadModel(readFileSync("models/fourway-s.onnx")), 1],
  ["a tiny network", colourModel(), 1],
  ["a tiny network in two threads", colourModel(), 2],
] as const)
  test(`${name}: ${FRAMES} frames of alternating sizes leave memory and heap as they were`, async () => {
    memories.length = 0;
    using detector = await Detector.load(model, { pixels: 4096, threads });
    assert.equal(detector.threads, threads);
    assert.equal(memories.length, 1, "one detector, one memory");
    const frames = [frameOf(320, 180), frameOf(90, 200), frameOf(128, 128), frameOf(64, 64), frameOf(500, 100)];
    const run = (count: number, minScore: number): void => {
      for (let i = 0; i < count; i++) detector.detect(frames[i % frames.length]!, { minScore });
    };
    run(FRAMES, 0.009); // plans are made, code is compiled
    const bytes = memories[0]!.buffer.byteLength;
    const left: number[] = [];
    const garbage: number[] = [];
    for (let round = 0; round < ROUNDS && !(Math.min(...left) < LEFT_BEHIND && Math.min(...garbage) < A_FRAME); round++) {
      const before = heap();
      run(FRAMES, 0.009);
      const after = heap();
      left.push(after - before);
      run(100, 1);
      garbage.push((process.memoryUsage().heapUsed - after) / 100);
    }
    assert.equal(memories[0]!.buffer.byteLength, bytes, "bytes of WebAssembly memory");
    assert.ok(Math.min(...left) < LEFT_BEHIND, `${left} bytes left on the heap`);
    assert.ok(Math.min(...garbage) < A_FRAME, `${garbage} bytes of garbage a frame`);
  });

test("memory grows to the largest size seen and then stays, while ten sizes come in turn", async () => {
  memories.length = 0;
  const detector = await Detector.load(colourModel(), { pixels: 4096 });
  const frames = Array.from({ length: 10 }, (_, i) => frameOf(100 + 40 * i, 300 - 20 * i));
  for (const frame of frames) detector.detect(frame);
  const bytes = memories[0]!.buffer.byteLength;
  for (let round = 0; round < 20; round++) for (const frame of frames) detector.detect(frame);
  assert.equal(memories[0]!.buffer.byteLength, bytes);
});
