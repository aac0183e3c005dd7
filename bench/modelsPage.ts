// Runs in a page: the shipped models on one frame, taking turns.
import { asked, report } from "../test/browser/page.js";
import { timeModels } from "./modelTimes.js";

/** What a page is asked: where each model is, by name. */
export interface AskedModels {
  models: Record<string, string>;
  rounds: number;
}

await report(() => {
  const { models, rounds } = asked<AskedModels>();
  return timeModels(models, rounds);
});
