// A worker that holds a detector.
import { type StartAnswer, workerPort } from "../core/worker.js";
import { setOwnKernels } from "../wasm/load.js";
import { Detector } from "./detector.js";
import type { ToWorker } from "./protocol.js";
import { DetectorServer, type ToLoad } from "./serve.js";

const port = workerPort<unknown>();

/** Where a browser's worker dies, nothing tells; but its locks are given to others. */
function hold(lock: string | undefined): Promise<void> {
  const { locks } = globalThis.navigator ?? {};
  if (lock === undefined || !locks) return Promise.resolve();
  return new Promise((held) => {
    void locks.request(lock, () => {
      held();
      return new Promise(() => {});
    });
  });
}

async function load({ model, kernels, options, lock }: ToLoad): Promise<Detector> {
  if (kernels.plain) await setOwnKernels(kernels.plain);
  if (kernels.shared) await setOwnKernels(kernels.shared, true);
  const detector = await Detector.load(model, options);
  await hold(lock);
  return detector;
}

port.onmessage = () => {
  const server = new DetectorServer((message) => port.postMessage(message), load);
  port.onmessage = ({ data }) => server.receive(data as ToWorker);
  port.postMessage({} satisfies StartAnswer);
};
