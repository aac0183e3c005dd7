// Works on a store in the browser's own files: in the page, in its worker or in its frame. The same script serves all three.

import { Random } from "../../src/core/random.js";
import { opfsStore } from "../../src/learn/opfsStore.js";
import { checkContract, KillLog, writeUntilKilled } from "../learn/storeContract.js";
import { asked, report } from "./page.js";

/** What the script is asked to do with a store. */
export interface Asked {
  store: string;
  /**
   * contract: what every store does, then what two writers get.
   * killed: a worker or frame writes and is ended in the middle, over and over.
   * write: writes until the browser is killed; each write is told to the server.
   * writer: the same as a part of "killed", told to who started it.
   */
  work: "contract" | "killed" | "write" | "writer";
  where: "worker" | "window";
  kills?: number;
  /** How many lines are told before the page answers. */
  lines?: number;
}

const inWorker = typeof document === "undefined";
const scriptOf = (ask: Asked): string => `?${encodeURIComponent(JSON.stringify(ask))}`;
const tell = (message: unknown): void => (inWorker ? self.postMessage(message) : parent.postMessage(message));

async function contract({ store }: Asked): Promise<string> {
  await checkContract(await opfsStore(store));
  const first = await opfsStore(store);
  const second = await opfsStore(store).then(
    () => "opened twice",
    (error: Error) => error.message,
  );
  await first.close();
  const again = await opfsStore(store);
  const keys = await again.list("");
  await again.close();
  return `${second} | ${keys.join()}`;
}

/** Starts this script as a worker or frame. @returns how to end it */
function start(ask: Asked, onMessage: (data: unknown) => void): () => void {
  if (ask.where === "worker") {
    const worker = new Worker(`/store.js${scriptOf(ask)}`, { type: "module" });
    worker.onmessage = ({ data }) => onMessage(data);
    return () => worker.terminate();
  }
  const frame = document.createElement("iframe");
  const heard = ({ data, source }: MessageEvent): void => {
    if (source === frame.contentWindow) onMessage(data);
  };
  addEventListener("message", heard);
  frame.src = `/store.html${scriptOf(ask)}`;
  document.body.append(frame);
  return () => {
    frame.remove();
    removeEventListener("message", heard);
  };
}

async function killed(ask: Asked): Promise<KillLog> {
  const log = new KillLog();
  const random = new Random(7);
  let writeMs = 10;
  for (let i = 0; i < ask.kills!; i++) {
    const enough = random.below(4);
    const lines: string[] = [];
    const times: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const end = start({ ...ask, work: "writer" }, (data) => {
        if (typeof data !== "string") return reject(new Error((data as { error: string }).error));
        lines.push(data);
        times.push(performance.now());
        if (lines.length !== enough + 1) return;
        setTimeout(
          () => {
            end();
            resolve();
          },
          random.uniform(0, 1.2 * writeMs),
        );
      });
    });
    if (times.length > 1) writeMs = (times.at(-1)! - times[0]!) / (times.length - 1);
    log.add(lines);
  }
  return log;
}

const ask = asked<Asked>();
const works: Record<Asked["work"], () => Promise<unknown>> = {
  contract: () => contract(ask),
  killed: () => killed(ask),
  write: async () => {
    const store = await opfsStore(ask.store);
    let lines = 0;
    await new Promise<void>((resolve, reject) => {
      writeUntilKilled(store, async (line) => {
        await fetch(`/said/${line.replace(" ", "/")}`);
        if (++lines === ask.lines) resolve();
      }).catch(reject);
    });
    return "writing";
  },
  writer: async () => writeUntilKilled(await opfsStore(ask.store), tell),
};
/** Of a worker that does it, for a page; the killed ones are started by the page itself. */
const elsewhere = !inWorker && ask.where === "worker" && (ask.work === "contract" || ask.work === "write");

if (ask.work === "writer") works.writer().catch((error) => tell({ error: String(error) }));
else if (inWorker)
  works[ask.work]().then(
    (result) => tell({ result }),
    (error) => tell({ error: String(error) }),
  );
else
  await report(() => {
    if (!elsewhere) return works[ask.work]();
    return new Promise((resolve, reject) => {
      start(ask, (data) => {
        const { result, error } = data as { result?: unknown; error?: string };
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
    });
  });
