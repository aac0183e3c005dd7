import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Spread, spreadOf } from "../src/engines/timing.js";
import { CHROMIUM, serve, visit } from "../test/browser/chromium.js";
import type { AskedModels } from "./modelsPage.js";
import { timeModels } from "./modelTimes.js";
import { bundledPage } from "./page.js";
import { table } from "./table.js";

const FOLDER = fileURLToPath(new URL("../../models", import.meta.url));
/** A page may take so long, for what it loads and compiles, and for each round. */
const longestMs = (rounds: number): number => 60_000 + 5_000 * rounds;

/** Milliseconds a frame: runtime, model, and how the rounds spread. */
export type ModelFigures = Record<string, Record<string, Spread>>;

/** Times the shipped models on one thread, here and, where it is installed, in headless Chromium. */
export async function measureModels(rounds: number): Promise<ModelFigures> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".onnx"));
  const bytes = Object.fromEntries(files.map((name) => [basename(name, ".onnx"), new Uint8Array(readFileSync(join(FOLDER, name)))]));
  const spreads = (times: Record<string, number[]>): Record<string, Spread> =>
    Object.fromEntries(Object.entries(times).map(([name, values]) => [name, spreadOf(values)]));
  const figures: ModelFigures = { [`Node ${process.versions.node}`]: spreads(await timeModels(bytes, rounds)) };
  if (existsSync(CHROMIUM)) figures.Chromium = spreads(await timeInChromium(bytes, rounds));
  return figures;
}

async function timeInChromium(models: Record<string, Uint8Array>, rounds: number): Promise<Record<string, number[]>> {
  const files = await bundledPage("modelsPage.js");
  for (const [name, file] of Object.entries(models)) files.set(`/${name}.onnx`, file);
  const server = await serve(files);
  try {
    const ask: AskedModels = { models: Object.fromEntries(Object.keys(models).map((name) => [name, `/${name}.onnx`])), rounds };
    const answers = await visit(server, [`/page.html?${encodeURIComponent(JSON.stringify(ask))}`], longestMs(rounds));
    const [answer] = answers as [Record<string, number[]> | { error: string }];
    if ("error" in answer) throw new Error(String(answer.error));
    return answer as Record<string, number[]>;
  } finally {
    server.close();
  }
}

/** A table of the figures. */
export function modelsTable(figures: ModelFigures): string {
  const rows = Object.entries(figures).flatMap(([runtime, models]) =>
    Object.entries(models).map(([name, { median, p10, p90 }]) => [runtime, name, ...[median, p10, p90].map((value) => value.toFixed(2))]),
  );
  return table(["milliseconds a frame", "model", "median", "p10", "p90"], rows, 2);
}
