import type { Command } from "commander";
import { runScenes, type ScenesOptions } from "./scenes.js";
import { numberIn } from "./values.js";

/** Adds `fourway scenes --count N --out DIR` to the program. */
export function addScenes(program: Command): void {
  const side = numberIn({ least: 64, most: 4096, whole: true });
  program
    .command("scenes")
    .description("draw labelled street scenes, the same ones for the same seed; goes on where it was interrupted")
    .requiredOption("--count <number>", "how many", numberIn({ least: 1, most: 1_000_000, whole: true }))
    .requiredOption("--out <folder>", "folder that becomes the set: images/ and labels.jsonl")
    .option("--seed <number>", "of the series", numberIn({ least: 0, most: 0xffffffff, whole: true }), 1)
    .option("--width <pixels>", "of a scene", side, 480)
    .option("--height <pixels>", "of a scene", side, 320)
    .option("--val-share <part>", "part of the scenes that goes to the split val", numberIn({ least: 0, most: 1 }), 0.12)
    .action((options: ScenesOptions) => runScenes(options, console.error));
}
