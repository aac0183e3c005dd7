#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import { printable } from "../core/printable.js";
import { addBench } from "./bench.js";
import { addCalibrate } from "./calibrate.js";
import { addDetect } from "./detect.js";
import { addEval } from "./eval.js";
import { addExperiment } from "./experiment.js";
import { addInspect } from "./inspect.js";
import { addLabel } from "./label.js";
import { addLearn } from "./learn.js";
import { addQuantize } from "./quantize.js";
import { addScenes } from "./scenes.js";
import { addTrain } from "./train.js";
import { addVersions } from "./versions.js";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };

const program = new Command("fourway")
  .description("Finds pedestrians, cars, stop signs and traffic lights in pictures, and learns to.")
  .version(version)
  .showHelpAfterError("(see fourway --help)");
addDetect(program);
addInspect(program);
addScenes(program);
addLabel(program);
addTrain(program);
addLearn(program);
addVersions(program);
addEval(program);
addQuantize(program);
addCalibrate(program);
addExperiment(program);
addBench(program);

// a reader that closes early (| head) is no error
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  // system errors about a file (missing, no space left) are clear enough as they are
  if (!(error instanceof FourwayError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  console.error((error as Error).message.split("\n").map(printable).join("\n"));
  process.exitCode = 1;
}
