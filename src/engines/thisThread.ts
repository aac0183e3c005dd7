import type { RunningWorker } from "../core/worker.js";
import type { ToWorker } from "../detect/protocol.js";
import { DetectorServer, type Servable, type ToLoad } from "../detect/serve.js";

/** What Node's ports have beside those of browsers. */
interface NodePort {
  ref?(): void;
  unref?(): void;
}

/**
 * Serves a detector in the calling thread, over a channel: pictures are copied and moved as to a worker.
 * @param load makes it; it is disposed of at the end
 */
export function inThisThread(load: (message: ToLoad) => Promise<Servable & { dispose(): void }>): RunningWorker {
  const { port1: near, port2: far } = new MessageChannel();
  let loaded: Promise<{ dispose(): void }> | undefined;
  const server = new DetectorServer(
    (message) => far.postMessage(message),
    (message) => {
      const loading = load(message);
      loaded = loading;
      return loading;
    },
  );
  far.onmessage = ({ data }) => server.receive(data as ToWorker);
  const running: RunningWorker = {
    post: (message, transfer = []) => near.postMessage(message, transfer as ArrayBuffer[]),
    onMessage: () => {},
    onFailure: () => {},
    keepAlive(needed) {
      for (const port of [near, far] as NodePort[]) needed ? port.ref?.() : port.unref?.();
    },
    end() {
      server.close();
      near.close();
      far.close();
      loaded?.then((detector) => detector.dispose()).catch(() => {}); // whoever started it was told
    },
  };
  near.onmessage = ({ data }) => running.onMessage(data);
  return running;
}
