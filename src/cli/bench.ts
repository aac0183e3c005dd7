import type { Command } from "commander";
import { printable } from "../core/printable.js";
import { coreCount } from "../core/worker.js";
import { readModel, shippedModel } from "../detect/source.js";
import { type Contestant, compareEngines, objectsInWords } from "../engines/compare.js";
import { inputPixels, numberIn, tableLines } from "./values.js";

/** Options of `fourway bench`. */
interface BenchOptions {
  /** Path or URL of a model; left out: the shipped one. */
  model?: string;
  pixels?: number;
  threads: number;
  rounds: number;
  engines?: true;
}

/** Adds `fourway bench` to the program. */
export function addBench(program: Command): void {
  program
    .command("bench")
    .description("time a model on this machine: Fourway on one thread and on several and, with --engines, onnxruntime-web")
    .option("--model <file>", "model to run (default: the shipped one)")
    .option("--pixels <count>", "of the network's input, about", inputPixels)
    .option("--threads <count>", "to compare one thread with", numberIn({ least: 1, most: 16, whole: true }), Math.min(4, coreCount()))
    .option("--rounds <count>", "in which all take their turn", numberIn({ least: 1, most: 1000, whole: true }), 20)
    .option("--engines", "also onnxruntime-web, on WebAssembly, where it is installed; in browsers it has GPUs, too")
    .action(async ({ model, pixels, threads, rounds, engines }: BenchOptions) => {
      const contestants: Contestant[] = [{ name: "fourway" }];
      if (threads > 1) contestants.push({ name: `fourway, ${threads} threads`, threads });
      if (engines)
        for (const precision of ["int8", "f32"] as const)
          contestants.push({ name: `onnxruntime-web, ${precision}`, onnxruntime: { precision } });
      const ready = await readModel(model ?? (await shippedModel()), undefined);
      const outcomes = await compareEngines(ready, contestants, { pixels, rounds });
      const rows = outcomes.flatMap((outcome) => {
        if ("fault" in outcome) return [];
        const { name, ms, ratio, objects } = outcome;
        return [[name, ...[ms.median, ms.p10, ms.p90, ratio.median].map((value) => value.toFixed(2)), objectsInWords(objects)]];
      });
      console.log(`milliseconds a frame of 1280 x 720, ${rounds} rounds, Node ${process.version}`);
      for (const line of tableLines([["", "median", "p10", "p90", "times", "objects"], ...rows], [1, 2, 3, 4])) console.log(line);
      for (const outcome of outcomes) if ("fault" in outcome) console.error(printable(`${outcome.name}: ${outcome.fault}`));
    });
}
