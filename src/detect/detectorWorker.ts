// A worker that holds a detector: looks at the pictures it is sent, and at the frames of streams it is given, one at a time and all sources in turn.
import { toErrorData } from "../core/errors.js";
import { type StartAnswer, workerPort } from "../core/worker.js";
import { setOwnKernels } from "../wasm/load.js";
import { type DetectOptions, Detector } from "./detector.js";
import { closePicture, type Handed, PictureReader } from "./pictures.js";
import type { AboutDetector, FromWorker, ToWorker } from "./protocol.js";

/** Tracks' frames as a stream; browsers have it in workers, Chromium in pages too. */
declare const MediaStreamTrackProcessor: new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> };

/** A picture that waits for its turn. */
interface Waiting {
  picture: Handed;
  options: DetectOptions;
}

/** A stream that is watched. */
interface Watched {
  reader: ReadableStreamDefaultReader<VideoFrame>;
  dropped: number;
}

const port = workerPort<unknown>();
const reader = new PictureReader();
/** One picture a lane. A Map keeps the order in which lanes came, also where a lane's picture is replaced by a newer one: first come, first served. */
const waiting = new Map<number, Waiting>();
const watched = new Map<number, Watched>();
let detector: Detector;
let working = false;

const say = (message: FromWorker): void => port.postMessage(message);

/** Lets messages and frames that have come in the meantime be received. */
const { port1, port2 } = new MessageChannel();
const received = (): Promise<void> =>
  new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });

async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
    const [lane, { picture, options }] = next.value;
    waiting.delete(lane);
    try {
      const timestamp = "timestamp" in picture ? picture.timestamp : undefined;
      const frame = await reader.read(picture);
      const { width, height } = frame;
      const { chosen } = detector;
      const seen = { ...detector.detect(frame, options), width, height, timestamp };
      if (detector.chosen !== chosen) say({ kind: "changed", about: about() });
      say({ kind: "seen", lane, seen, dropped: watched.get(lane)?.dropped ?? 0 });
    } catch (error) {
      say({ kind: "fault", lane, error: toErrorData(error) });
    }
    await received();
  }
  working = false;
}

/** Reads a stream to its end, each frame as soon as it is there; of those that come while others are looked at, the newest stays. */
async function watch(lane: number, readable: ReadableStream<VideoFrame>, options: DetectOptions): Promise<void> {
  const mine: Watched = { reader: readable.getReader(), dropped: 0 };
  watched.set(lane, mine);
  try {
    for (;;) {
      const { value: picture, done } = await mine.reader.read();
      if (done) break;
      const late = waiting.get(lane);
      if (late) {
        closePicture(late.picture);
        mine.dropped++;
      }
      waiting.set(lane, { picture, options });
      void work();
    }
    say({ kind: "ended", lane });
  } catch (error) {
    say({ kind: "fault", lane, error: toErrorData(error) });
  }
  leave(lane);
}

function leave(lane: number): void {
  const late = waiting.get(lane);
  if (late) closePicture(late.picture);
  waiting.delete(lane);
  watched
    .get(lane)
    ?.reader.cancel()
    .catch(() => {});
  watched.delete(lane);
}

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

async function load({ model, kernels, options, lock }: ToWorker & { kind: "load" }): Promise<void> {
  try {
    if (kernels.plain) await setOwnKernels(kernels.plain);
    if (kernels.shared) await setOwnKernels(kernels.shared, true);
    detector = await Detector.load(model, options);
    await hold(lock);
    say({ kind: "ready", about: about() });
  } catch (error) {
    say({ kind: "unfit", error: toErrorData(error) });
  }
}

function about(): AboutDetector {
  const { tasks, threads, singleThreadReason, chosen } = detector;
  return { tasks, threads, singleThreadReason, chosen, readsTracks: typeof MediaStreamTrackProcessor !== "undefined" };
}

async function use({ change, model }: ToWorker & { kind: "use" }): Promise<void> {
  try {
    await detector.use(model);
    say({ kind: "used", change, about: about() });
  } catch (error) {
    say({ kind: "used", change, error: toErrorData(error) });
  }
}

function receive(message: ToWorker): void {
  if (message.kind === "load") void load(message);
  else if (message.kind === "use") void use(message);
  else if (message.kind === "leave") leave(message.lane);
  else if (message.kind === "look") {
    waiting.set(message.lane, message);
    void work();
  } else {
    const { from, lane, options } = message;
    void watch(lane, "getReader" in from ? from : new MediaStreamTrackProcessor({ track: from }).readable, options);
  }
}

port.onmessage = () => {
  port.onmessage = ({ data }) => receive(data as ToWorker);
  port.postMessage({} satisfies StartAnswer);
};
