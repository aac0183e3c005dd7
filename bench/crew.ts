import { Random } from "../src/core/random.js";
import { TASKS } from "../src/core/task.js";
import type { Example } from "../src/data/example.js";
import { buildNetwork } from "../src/model/build.js";
import { shuffleTrunk } from "../src/model/trunk.js";
import { startReplicas } from "../src/node/workerReplicas.js";
import { FRESH_GROUPS } from "../src/train/optimizer.js";
import { REFERENCE_SIZE, randomBytes } from "./reference.js";

/** Random pixels with two boxes a task. */
function randomExample(seed: number): Example {
  const random = new Random(seed);
  const box = (task: number): number[] => {
    const [x, y] = [random.uniform(0, 0.7) * REFERENCE_SIZE.width, random.uniform(0, 0.7) * REFERENCE_SIZE.height];
    return [task, x, y, x + random.uniform(8, 90), y + random.uniform(8, 50)];
  };
  return {
    pixels: randomBytes(seed),
    colour: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    boxes: TASKS.flatMap((_, task) => [...box(task), ...box(task)]),
    ignored: [],
    mapWeight: TASKS.map(() => 1),
    presence: TASKS.map(() => 1),
    presenceWeight: TASKS.map(() => 1),
  };
}

/** The training that `fourway train` does, a network as the shipped one, on so many threads: a run is a whole step, loss and update included. */
export async function crewSteps(threads: number, batch: number): Promise<{ run(): Promise<void>; close(): Promise<void> }> {
  const each = batch / threads;
  const crew = await startReplicas(buildNetwork(shuffleTrunk("0.5", 1), { tasks: TASKS, seed: 1 }), threads, {
    batch: each,
    sizes: [REFERENCE_SIZE],
    tasks: TASKS.length,
    groups: FRESH_GROUPS,
    optimizer: "adamw",
  });
  const examples = Array.from({ length: batch }, (_, i) => randomExample(i));
  let step = 0;
  return {
    async run() {
      step++;
      // pixels change hands
      const copies = examples.map((example) => ({ ...example, pixels: example.pixels.slice() }));
      const shares = Array.from({ length: threads }, (_, i) => copies.slice(i * each, (i + 1) * each));
      await crew.compute({ ...REFERENCE_SIZE, slices: shares, names: [] });
      crew.apply({ step, rate: 1e-5, emaWeight: 0.01 });
    },
    close: () => crew.close(),
  };
}
