import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Milliseconds of each round, in a fresh process each: from the script's first line to the first result, and the part of it after the imports. */
export interface Start {
  result: number[];
  withoutImport: number[];
}

/** Starts Fourway and onnxruntime-web in turns on the shipped int8 model, one frame of 320x192. */
export function startups(rounds: number): { fourway: Start; onnxruntime: Start } {
  const scripts = { fourway: "startFourway.js", onnxruntime: "startOnnxruntime.js" };
  const starts = { fourway: { result: [], withoutImport: [] } as Start, onnxruntime: { result: [], withoutImport: [] } as Start };
  for (let round = -1; round < rounds; round++)
    for (const name of round % 2 === 0 ? (["fourway", "onnxruntime"] as const) : (["onnxruntime", "fourway"] as const)) {
      const script = fileURLToPath(new URL(scripts[name], import.meta.url));
      const printed = execFileSync(process.execPath, [script, fileURLToPath(new URL("../../models/fourway-s.onnx", import.meta.url))], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      if (round < 0) continue; // the disk's cache fills
      const { imported, result } = JSON.parse(printed) as { imported: number; result: number };
      starts[name].result.push(result);
      starts[name].withoutImport.push(result - imported);
    }
  return starts;
}
