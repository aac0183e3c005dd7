import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { FourwayError } from "../../src/core/errors.js";
import type { Frame } from "../../src/core/frame.js";
import { type Detection, Detector } from "../../src/detect/detector.js";
import type { Picture } from "../../src/detect/pictures.js";
import type { FromWorker, ToWorker } from "../../src/detect/protocol.js";
import { DetectorServer } from "../../src/detect/serve.js";
import type { SpawnedDetector } from "../../src/detect/spawnedDetector.js";
import { drawScene } from "../../src/scenes/scene.js";
import { missing, RUNTIMES, runOn } from "../runtimes/runtimes.js";
import { colourModel } from "./models.js";

const { frame } = drawScene(1, 8, { width: 320, height: 200 });
const seenIn = ({ presence, objects }: Detection) => ({ presence, objects });
const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof FourwayError && error.code === code && message.test(error.message);

/** A frame's middle in one colour: what it is told by the colour model. */
function painted(red: number, blue: number): Frame {
  const data = new Uint8ClampedArray(4 * 256 * 256).fill(128);
  for (let y = 96; y < 160; y++) for (let x = 96; x < 160; x++) data.set([red, 128 * (red === 128 ? 1 : 0), blue, 255], 4 * (256 * y + x));
  return { data, width: 256, height: 256 };
}

/** Makes the worker throw, as a fault in it would. */
function kill(detector: SpawnedDetector): void {
  const { spawned } = detector as unknown as { spawned: { post(message: ToWorker): void } };
  spawned.post({ kind: "watch", lane: -1, from: null as never, options: {} });
}

test("a spawned detector finds what one in this thread finds, and says of itself what that says", async () => {
  using here = await Detector.load(colourModel());
  await using there = await Detector.spawn(colourModel());
  assert.deepEqual(there.tasks, here.tasks);
  assert.equal(there.threads, 1);
  for (const each of [painted(255, 0), painted(0, 255), frame]) {
    const found = await there.detect(each);
    assert.deepEqual(seenIn(found), seenIn(here.detect(each)));
    assert.deepEqual(Object.keys(found), ["presence", "objects", "ms"]);
  }
  const [strict, lax] = [await there.detect(painted(255, 0), { minScore: 1 }), await there.detect(painted(255, 0), { minScore: 0.5 })];
  assert.equal(strict.objects.length, 0);
  assert.ok(lax.objects.length > 0);
});

for (const runtime of RUNTIMES)
  test(`${runtime.name} finds the same in a worker as without`, { skip: missing(runtime) }, async () => {
    const { here, there, dropped, ended } = (await runOn(runtime, "spawnMain.js", {})) as Record<string, never>;
    assert.deepEqual(there, here);
    assert.equal(dropped, 3);
    assert.equal(ended, "E_DISPOSED");
  });

test("each call for a picture is answered, in order; bytes stay the caller's unless they are given away", async () => {
  await using detector = await Detector.spawn(colourModel());
  const [red, blue] = [painted(255, 0), painted(0, 255)];
  const answers = await Promise.all([red, blue, red, blue].map((each) => detector.detect(each)));
  assert.deepEqual(
    answers.map(({ objects }) => objects[0]!.task),
    ["red", "blue", "red", "blue"],
  );
  assert.equal(red.data.length, 4 * 256 * 256);
  const given = painted(255, 0);
  assert.equal((await detector.detect(given, { transfer: true })).objects[0]!.task, "red");
  assert.equal(given.data.length, 0);
  const part = { ...red, data: new Uint8Array(red.data.length + 8).subarray(8) }; // of a larger buffer: copied
  await detector.detect(part, { transfer: true });
  assert.equal(part.data.length, red.data.length);
});

test("of a camera's frames the newest is looked at, and those it replaces are counted", async () => {
  await using detector = await Detector.spawn(colourModel());
  const camera = detector.camera();
  const [first, ...others] = await Promise.all([painted(255, 0), frame, frame, painted(0, 255)].map((each) => camera.detect(each)));
  assert.equal(first!.objects[0]!.task, "red");
  assert.deepEqual(others.slice(0, 2), [undefined, undefined]);
  assert.equal(others[2]!.objects[0]!.task, "blue");
  assert.deepEqual([others[2]!.width, others[2]!.height], [256, 256]);
  assert.equal(camera.dropped, 2);
});

test("cameras of one detector get their turns one after the other, whatever one of them demands", async () => {
  await using detector = await Detector.spawn(colourModel());
  const order: string[] = [];
  const greedy = detector.camera();
  const modest = detector.camera();
  const asking = Array.from({ length: 40 }, () => greedy.detect(frame).then((seen) => seen && order.push("greedy")));
  for (let i = 0; i < 4; i++) {
    const wait = modest.detect(frame).then(() => order.push("modest"));
    for (let k = 0; k < 3; k++) asking.push(greedy.detect(frame).then((seen) => seen && order.push("greedy")));
    asking.push(detector.detect(frame).then(() => order.push("picture")));
    await wait;
  }
  await Promise.all(asking);
  assert.equal(order.filter((who) => who === "modest").length, 4);
  for (let at = order.indexOf("modest"); at >= 0; at = order.indexOf("modest", at + 1)) {
    const since = order.slice(order.lastIndexOf("modest", at - 1) + 1, at);
    assert.ok(since.filter((who) => who === "greedy").length <= 2, order.join(" "));
  }
});

test("a signal ends a call before, while it waits and under way, with its reason; what follows is answered", async () => {
  await using detector = await Detector.spawn(colourModel());
  const reason = new Error("enough");
  await assert.rejects(detector.detect(frame, { signal: AbortSignal.abort(reason) }), reason);
  const [underWay, waiting] = [new AbortController(), new AbortController()];
  const calls = [
    detector.detect(painted(255, 0), { signal: underWay.signal }),
    detector.detect(frame, { signal: waiting.signal }),
    detector.detect(painted(0, 255)),
  ];
  underWay.abort(reason);
  waiting.abort(reason);
  const settled = await Promise.allSettled(calls);
  assert.deepEqual(
    settled.map((each) => (each.status === "rejected" ? each.reason : each.value.objects[0]!.task)),
    [reason, reason, "blue"],
  );
});

test("a worker that dies is started again: what it had is rejected with a reason, what waits is answered", async () => {
  await using detector = await Detector.spawn(colourModel());
  await detector.detect(frame);
  const camera = detector.camera();
  kill(detector);
  const had = detector.detect(frame);
  const waits = [detector.detect(painted(255, 0)), detector.detect(painted(0, 255))];
  await assert.rejects(
    had,
    isError("E_RUNTIME", /^detect: expected an answer from the worker, got ".*null.*"; another is started, call again$/),
  );
  assert.deepEqual(
    (await Promise.all(waits)).map(({ objects }) => objects[0]!.task),
    ["red", "blue"],
  );
  assert.ok(await camera.detect(frame));
});

test("another model takes over between two pictures, one that cannot be used does not, and a worker that dies begins with it", async () => {
  await using there = await Detector.spawn(colourModel());
  const shipped = await Detector.load("models/fourway-s.onnx");
  await assert.rejects(there.use(new Uint8Array(8)), isError("E_ONNX", /expected/));
  assert.deepEqual(seenIn(await there.detect(painted(255, 0))), seenIn((await Detector.load(colourModel())).detect(painted(255, 0))));
  const meanwhile = [there.detect(painted(255, 0), { minScore: 0.5 }), there.use("models/fourway-s.onnx"), there.detect(frame)] as const;
  assert.ok((await meanwhile[0]).objects.length > 0);
  await Promise.all(meanwhile);
  assert.deepEqual(there.tasks, shipped.tasks);
  assert.deepEqual(seenIn(await there.detect(frame)), seenIn(shipped.detect(frame)));
  kill(there);
  await assert.rejects(there.detect(frame), isError("E_RUNTIME", /another is started/));
  assert.deepEqual(seenIn(await there.detect(frame)), seenIn(shipped.detect(frame)));
  await there.dispose();
  await assert.rejects(there.use(colourModel()), isError("E_DISPOSED", /disposed/));
});

test("a detector whose workers die again and again says so and ends", async () => {
  await using detector = await Detector.spawn(colourModel());
  const { spawned } = detector as unknown as { spawned: { worker: unknown } };
  for (let i = 0; i < 3; i++) {
    while (!spawned.worker) await new Promise((resolve) => setImmediate(resolve));
    kill(detector);
    await assert.rejects(detector.detect(frame), isError("E_RUNTIME", /another is started/));
  }
  await assert.rejects(detector.detect(frame), isError("E_RUNTIME", /again and again; spawn another detector$/));
});

test("after dispose nothing is answered, and what waited is rejected", async () => {
  const detector = await Detector.spawn(colourModel());
  const camera = detector.camera();
  const calls = [detector.detect(frame), detector.detect(frame), camera.detect(frame), camera.detect(frame)];
  await detector.dispose();
  for (const call of calls) await assert.rejects(call, isError("E_DISPOSED", /^detect: .*spawn another$/));
  await assert.rejects(detector.detect(frame), isError("E_DISPOSED", /spawn another/));
  assert.throws(() => detector.camera(), isError("E_DISPOSED", /spawn another/));
  await detector.dispose();
});

test("a closed camera answers with undefined and then refuses, others go on", async () => {
  await using detector = await Detector.spawn(colourModel());
  const camera = detector.camera();
  const calls = [camera.detect(frame), camera.detect(frame)];
  camera.close();
  assert.deepEqual(await Promise.all(calls), [undefined, undefined]);
  await assert.rejects(camera.detect(frame), isError("E_DISPOSED", /camera in use/));
  assert.ok(await detector.detect(frame));
});

test("what is no picture, no model and no option is refused as Detector.load refuses it", async () => {
  await using detector = await Detector.spawn(colourModel());
  for (const wrong of [undefined, null, "street.jpg", { data: [1, 2], width: 1, height: 1 }, new Date()])
    await assert.rejects(detector.detect(wrong as unknown as Picture), isError("E_ARGUMENT", /^detect: expected a frame with RGBA bytes/));
  await assert.rejects(detector.detect({ ...frame, width: 7 }), isError("E_ARGUMENT", /^detect: expected 5600 RGBA bytes/));
  await assert.rejects(detector.detect(frame, { minScore: 2 }), isError("E_ARGUMENT", /score in 0\.\.1/));
  await assert.rejects(Detector.spawn(new Uint8Array([1, 2, 3])), (error) => error instanceof FourwayError && error.code === "E_ONNX");
  await assert.rejects(Detector.spawn(colourModel(), { pixels: 1 }), isError("E_ARGUMENT", /expected pixels in/));
  await assert.rejects(Detector.spawn(42 as never), isError("E_ARGUMENT", /expected a model as/));
  await assert.rejects(Detector.spawn("nowhere.onnx"), isError("E_MODEL", /nowhere\.onnx/));
});

test("a frame is shared among threads in the worker too, with the same result", async () => {
  using here = await Detector.load(colourModel());
  await using there = await Detector.spawn(colourModel(), { threads: 2 });
  assert.equal(there.threads, 2, there.singleThreadReason);
  assert.deepEqual(seenIn(await there.detect(painted(255, 0))), seenIn(here.detect(painted(255, 0))));
  await using given = await Detector.spawn(colourModel(), { wasm: import("../../src/generated/wasm/simd.js") });
  assert.deepEqual(seenIn(await given.detect(painted(255, 0))), seenIn(here.detect(painted(255, 0))));
});

test("a process ends while its detector's worker is idle, and not before its answer", () => {
  const script = `import { Detector, drawScene } from "fourway";
    const detector = await Detector.spawn();
    detector.detect(drawScene(1, 8, { width: 320, height: 200 }).frame).then(({ objects }) => console.log("found", objects.length));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^found \d+$/m);
});

for (const kind of ["stream", "track"] as const)
  test(`of a ${kind} that is left every frame is closed, the one on its way too, and nothing of it goes on`, async () => {
    const count = { made: 0, closed: 0, seen: 0, cancelled: 0, stopped: 0 };
    const readable = new ReadableStream(
      {
        async pull(controller) {
          await new Promise(setImmediate);
          count.made++;
          controller.enqueue({ ...painted(255, 0), close: () => count.closed++ }); // throws where it was cancelled: the frame is nobody's
        },
        cancel: () => void count.cancelled++,
      },
      { highWaterMark: 0 },
    );
    Object.assign(globalThis, {
      MediaStreamTrackProcessor: class {
        readable = readable;
      },
    });
    try {
      using detector = await Detector.load(colourModel());
      let heard = (_: FromWorker): void => {};
      const server = new DetectorServer(
        (message) => heard(message),
        async () => detector,
      );
      const next = (kind: FromWorker["kind"]) =>
        new Promise<void>((resolve) => {
          heard = (message) => message.kind === kind && resolve();
        });
      server.receive({ kind: "load" } as ToWorker);
      await next("ready");
      const track = { stop: () => void count.stopped++ };
      server.receive({ kind: "watch", lane: 1, from: (kind === "stream" ? readable : track) as never, options: {} });
      for (; count.seen < 3; count.seen++) await next("seen");
      server.receive({ kind: "leave", lane: 1 });
      while (count.cancelled === 0) await new Promise(setImmediate);
      for (let i = 0; i < 10; i++) await new Promise(setImmediate);
      assert.deepEqual(count, { ...count, closed: count.made, cancelled: 1, stopped: kind === "track" ? 1 : 0 });
      assert.ok(count.made > 3);
    } finally {
      delete (globalThis as Record<string, unknown>).MediaStreamTrackProcessor;
    }
  });
