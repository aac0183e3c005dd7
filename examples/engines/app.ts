// A page that lets engines run the same model on this machine.

import { coreCount } from "../../src/core/worker.js";
import { readModel } from "../../src/detect/source.js";
import { type Contestant, compareEngines, objectsInWords } from "../../src/engines/compare.js";
import { offerModels } from "../camera/models.js";

const ROUNDS = 10;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** The build of onnxruntime-web with all of its providers; its WebAssembly lies beside the page. */
async function load(): Promise<unknown> {
  const runtime = await import("onnxruntime-web/webgpu");
  runtime.env.wasm.wasmPaths = new URL("./", location.href).href;
  return runtime;
}

const threads = Math.min(4, coreCount());
const contestants: Contestant[] = [
  { name: "Fourway, one thread" },
  ...(threads > 1 ? [{ name: `Fourway, ${threads} threads`, threads }] : []),
  { name: "onnxruntime-web, WebAssembly, int8", onnxruntime: { load } },
  { name: "onnxruntime-web, WebGPU, f32", onnxruntime: { load, providers: ["webgpu"] } },
  { name: "onnxruntime-web, WebNN on the GPU, f32", onnxruntime: { load, providers: [{ name: "webnn", deviceType: "gpu" }] } },
];

function cell(text: string, span = 1): HTMLTableCellElement {
  return Object.assign(document.createElement("td"), { textContent: text, colSpan: span, className: span > 1 ? "fault" : "" });
}

async function compare(): Promise<void> {
  const pixels = Number(element<HTMLSelectElement>("pixels").value) || undefined;
  const model = await readModel(`../models/fourway-${element<HTMLSelectElement>("model").value}.onnx`, undefined);
  const rows = (await compareEngines(model, contestants, { pixels, rounds: ROUNDS })).map((outcome) => {
    const row = document.createElement("tr");
    row.append(cell(outcome.name));
    if ("fault" in outcome) row.append(cell(outcome.fault, 4));
    else {
      const { ms, ratio, objects } = outcome;
      row.append(cell(ms.median.toFixed(1)), cell(`${ms.p10.toFixed(1)} to ${ms.p90.toFixed(1)}`), cell(`${ratio.median.toFixed(2)}x`));
      row.append(cell(objectsInWords(objects)));
    }
    return row;
  });
  element("rows").replaceChildren(...rows);
  document.querySelector("table")!.hidden = false;
}

offerModels(element<HTMLSelectElement>("model"));
element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = element<HTMLButtonElement>("compare");
  const note = element("note");
  button.disabled = true;
  note.textContent = "Measuring …";
  await new Promise((resolve) => setTimeout(resolve, 50)); // so that this is seen
  note.textContent = await compare().then(
    () => "",
    (error: Error) => error.message,
  );
  button.disabled = false;
});
