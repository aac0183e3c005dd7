import type { Command } from "commander";
import { auxiliary } from "./experiment/auxiliary.js";
import { dataBalance, foreignTask, networkWidth } from "./experiment/conditions.js";
import { addExperimentCommand } from "./experiment/frame.js";
import { jointVsSeparate } from "./experiment/jointVsSeparate.js";
import { addLearnExperiment } from "./experiment/learn.js";
import { missingLabels } from "./experiment/missingLabels.js";
import { transfer } from "./experiment/transfer.js";

/** Adds `fourway experiment` to the program. */
export function addExperiment(program: Command): void {
  const parent = program.command("experiment").description("measure an idea by training with and without it");
  addExperimentCommand(parent, jointVsSeparate);
  addExperimentCommand(parent, missingLabels);
  addExperimentCommand(parent, foreignTask);
  addExperimentCommand(parent, dataBalance);
  addExperimentCommand(parent, networkWidth);
  addExperimentCommand(parent, transfer);
  addExperimentCommand(parent, auxiliary);
  addLearnExperiment(parent);
}
