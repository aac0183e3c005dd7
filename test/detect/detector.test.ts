import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { iou } from "../../src/core/box.js";
import { FourwayError } from "../../src/core/errors.js";
import type { Frame } from "../../src/core/frame.js";
import { Random } from "../../src/core/random.js";
import { TASKS } from "../../src/core/task.js";
import { Detector } from "../../src/detect/detector.js";
import type { DetectorOptions } from "../../src/detect/options.js";
import { INPUT_SCALE } from "../../src/graph/graph.js";
import { inputSize } from "../../src/image/letterbox.js";
import { defaultInfo, saveModel } from "../../src/model/model.js";
import { foldNorms } from "../../src/quant/fold.js";
import { quantize } from "../../src/quant/quantize.js";
import { drawScene } from "../../src/scenes/scene.js";
import { createEngine } from "../../src/wasm/load.js";
import { colourModel, randomModel } from "./models.js";

/** Small inputs keep these tests quick. */
const PIXELS = 16384;
const GREY = [128, 128, 128, 255];

function noise(width: number, height: number, seed: number): Frame {
  const random = new Random(seed);
  return { width, height, data: Uint8Array.from({ length: 4 * width * height }, () => random.below(256)) };
}

function paint(width: number, height: number, patches: { x: number; y: number; side: number; colour: number[] }[]): Frame {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) data.set(GREY, 4 * i);
  for (const { x, y, side, colour } of patches)
    for (let row = y; row < y + side; row++) for (let column = x; column < x + side; column++) data.set(colour, 4 * (row * width + column));
  return { data, width, height };
}

function isError(code: string, message: RegExp) {
  return (error: unknown): boolean => error instanceof FourwayError && error.code === code && message.test(error.message);
}

for (const [width, height] of [
  [640, 360],
  [300, 900],
  [256, 256],
  [1200, 160],
] as const)
  test(`things of a known colour are found where they are in a ${width} x ${height} frame, each by its own task`, async () => {
    const detector = await Detector.load(colourModel());
    const side = Math.round(Math.min(width, height) / 8);
    const red = { x: Math.round(width * 0.2), y: Math.round(height * 0.6), side, colour: [255, 0, 0, 255] };
    const blue = { x: Math.round(width * 0.7), y: Math.round(height * 0.1), side, colour: [0, 0, 255, 255] };
    const { objects, presence } = detector.detect(paint(width, height, [red, blue]));
    assert.ok(presence.red! > 0.95 && presence.blue! > 0.95);
    for (const [task, patch] of Object.entries({ red, blue })) {
      const mine = objects.filter((object) => object.task === task);
      assert.ok(mine.length > 0, `${task} is found`);
      // cells in or beside the patch answer, and their boxes reach one stride: no further than three strides from the patch
      const reach = 3 * 8 * Math.max(1, width / 288, height / 288);
      for (const { box } of mine) {
        assert.ok(box.x + box.width > patch.x - reach && box.x < patch.x + side + reach, `${task}: ${JSON.stringify(box)}`);
        assert.ok(box.y + box.height > patch.y - reach && box.y < patch.y + side + reach, `${task}: ${JSON.stringify(box)}`);
        assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height);
      }
      const [x, y] = [patch.x + side / 2, patch.y + side / 2];
      assert.ok(
        mine.some(({ box }) => box.x < x && x < box.x + box.width && box.y < y && y < box.y + box.height),
        `one box holds the middle of the ${task} patch`,
      );
    }
    const [only] = [detector.detect(paint(width, height, [blue]))];
    assert.ok(only.objects.every(({ task }) => task === "blue"));
    detector.dispose();
  });

test("an int8 network gets its input from the letterbox itself and finds what its f32 twin finds", async () => {
  const model = colourModel();
  const [width, height] = [300, 200];
  const frame = paint(width, height, [{ x: 40, y: 110, side: 30, colour: [255, 0, 0, 255] }]);
  const input = inputSize(width, height, model.info.pixels);
  const random = new Random(1);
  const pixels = Float32Array.from({ length: 3 * input.width * input.height }, () => (random.below(256) - 128) * INPUT_SCALE);
  const graph = quantize(await createEngine(), model.graph, [{ pixels, ...input }]);
  assert.ok(graph.scales?.has("input"));
  using twin = await Detector.load(model);
  using detector = await Detector.load(saveModel({ ...model, graph }));
  const [wanted, got] = [twin.detect(frame), detector.detect(frame)];
  assert.ok(got.objects.length > 0);
  assert.deepEqual(
    got.objects.map(({ task }) => task),
    wanted.objects.map(({ task }) => task),
  );
  got.objects.forEach(({ box, score }, i) => {
    assert.ok(iou(box, wanted.objects[i]!.box) > 0.95);
    assert.ok(Math.abs(score - wanted.objects[i]!.score) < 0.05);
  });
  await assert.rejects(
    Detector.load({ ...model, graph: { ...graph, scales: new Map(graph.scales).set("input", 0.5) } }),
    isError("E_MODEL", /int8 input/),
  );
});

test("presence is the calibrated largest logit: sigmoid(scale * logit + offset) on a grey frame", async () => {
  const detector = await Detector.load(colourModel(), { pixels: 4096 });
  const { presence, objects } = detector.detect(paint(64, 64, []));
  assert.ok(Math.abs(presence.red! - 1 / (1 + Math.exp(4 - 1))) < 1e-6);
  assert.ok(Math.abs(presence.blue! - 1 / (1 + Math.exp(8))) < 1e-6);
  assert.deepEqual(objects, []);
});

test("a frame gives the same answer again, after other sizes, from a fresh detector, and with norms folded before", async () => {
  const model = randomModel();
  const first = await Detector.load(model, { pixels: PIXELS });
  const folded = await Detector.load({ ...model, graph: foldNorms(model.graph) }, { pixels: PIXELS });
  const file = await Detector.load(saveModel({ ...model, graph: foldNorms(model.graph) }), { pixels: PIXELS });
  const frame = noise(160, 100, 7);
  const answer = first.detect(frame, { minScore: 0.008 });
  assert.ok(answer.objects.length > 10, `${answer.objects.length} objects`);
  // sizes enough that the first one's plan is dropped and made again
  for (let i = 0; i < 10; i++) first.detect(noise(40 + 30 * i, 200 - 10 * i, i), { minScore: 0.5 });
  for (const again of [
    first.detect(frame, { minScore: 0.008 }),
    folded.detect(frame, { minScore: 0.008 }),
    file.detect(frame, { minScore: 0.008 }),
  ]) {
    assert.deepEqual(again.objects, answer.objects);
    assert.deepEqual(again.presence, answer.presence);
  }
});

test("objects come best first, in the frame, and only from minScore or the task's threshold on", async () => {
  const model = randomModel(3);
  const all = await Detector.load(model, { pixels: PIXELS });
  const frame = noise(161, 97, 3);
  const { objects } = all.detect(frame, { minScore: 0 });
  assert.ok(objects.length > 50);
  assert.deepEqual(
    objects.map(({ score }) => score),
    objects.map(({ score }) => score).sort((a, b) => b - a),
  );
  for (const { box } of objects)
    assert.ok(
      box.width > 0 && box.height > 0 && box.x >= 0 && box.y >= 0 && box.x + box.width <= 161 + 1e-9 && box.y + box.height <= 97 + 1e-9,
    );
  assert.deepEqual(all.detect(frame).objects, [], "no random cell reaches the model's own thresholds");
  const middle = objects[objects.length >> 1]!.score;
  const better = objects.filter(({ score }) => score >= middle);
  assert.deepEqual(all.detect(frame, { minScore: middle - 1e-9 }).objects.slice(0, better.length), better);
  assert.ok(all.detect(frame, { minScore: middle - 1e-9 }).objects.every(({ score }) => score >= middle - 1e-8));

  const thresholds = { car: 0 };
  const cars = await Detector.load(model, { pixels: PIXELS, thresholds });
  assert.deepEqual(
    cars.detect(frame).objects,
    objects.filter(({ task }) => task === "car"),
  );
  assert.deepEqual(cars.detect(frame, { minScore: 1 }).objects, []);
});

test("an operating point chooses the thresholds; others than the three are refused", async () => {
  const model = randomModel(3);
  const frame = noise(161, 97, 3);
  using plain = await Detector.load(model, { pixels: PIXELS });
  const { objects } = plain.detect(frame, { minScore: 0 });
  const [high, low] = [objects[3]!.score, objects[objects.length >> 1]!.score];
  const all = (score: number) => Object.fromEntries(TASKS.map((task) => [task, score]));
  const info = { ...model.info, thresholds: { precise: all(1), balanced: all(high), sensitive: all(low - 1e-9) } };
  const count = async (options: object): Promise<number> => {
    using detector = await Detector.load({ graph: model.graph, info }, { pixels: PIXELS, ...options });
    return detector.detect(frame).objects.length;
  };
  assert.equal(await count({ operatingPoint: "precise" }), 0);
  assert.equal(await count({ operatingPoint: "balanced" }), objects.filter(({ score }) => score >= high).length);
  assert.equal(await count({}), await count({ operatingPoint: "balanced" }));
  assert.equal(await count({ operatingPoint: "sensitive" }), objects.filter(({ score }) => score >= low).length);
  assert.equal(await count({ operatingPoint: "precise", thresholds: all(high) }), await count({}), "thresholds go before");
  await assert.rejects(
    Detector.load(colourModel(), { operatingPoint: "loud" as "precise" }),
    isError("E_ARGUMENT", /operatingPoint out of precise, balanced, sensitive, got loud/),
  );
});

test("scores are calibrated by the box's side in the input and presence by the input's, whatever the frame's size; boxes stay", async () => {
  const model = randomModel(3);
  const scaling = { sizes: [8, 24, 64], scales: [0.5, 2, 1], offsets: [1, -1, 4] };
  const byInput = { sizes: [100, 300], scales: [1, 3], offsets: [0, -1] };
  const all = <T>(value: T): Record<string, T> => Object.fromEntries(TASKS.map((task) => [task, value]));
  const info = { ...model.info, scores: all(scaling), presence: all(byInput) };
  using plain = await Detector.load(model, { pixels: PIXELS });
  using calibrated = await Detector.load({ graph: model.graph, info }, { pixels: PIXELS });
  const logit = (p: number): number => Math.log(p / (1 - p));
  const between = (at: number[], values: number[], size: number): number => {
    if (size <= at[0]!) return values[0]!;
    for (let i = 1; i < at.length; i++)
      if (size < at[i]!) return values[i - 1]! + ((size - at[i - 1]!) / (at[i]! - at[i - 1]!)) * (values[i]! - values[i - 1]!);
    return values.at(-1)!;
  };
  const expected = ({ sizes, scales, offsets }: typeof scaling, p: number, size: number): number =>
    1 / (1 + Math.exp(-(between(sizes, scales, size) * logit(p) + between(sizes, offsets, size))));
  for (const [width, height] of [
    [640, 384],
    [200, 330],
  ] as const) {
    const frame = noise(width, height, 3);
    const input = inputSize(width, height, PIXELS);
    const scale = Math.min(input.width / width, input.height / height);
    const [raw, answer] = [plain, calibrated].map((detector) => detector.detect(frame, { minScore: 0 }));
    for (const task of TASKS)
      assert.ok(Math.abs(answer!.presence[task]! - expected(byInput, raw!.presence[task]!, Math.sqrt(input.width * input.height))) < 1e-9);
    const key = ({ task, box }: (typeof raw & object)["objects"][number]): string => `${task} ${box.x} ${box.y} ${box.width} ${box.height}`;
    assert.deepEqual(answer!.objects.map(key).sort(), raw!.objects.map(key).sort());
    const scores = new Map(answer!.objects.map((object) => [key(object), object.score]));
    for (const object of raw!.objects) {
      const side = scale * Math.sqrt(object.box.width * object.box.height);
      // the placed picture's sides are whole pixels, so that its scale is that of the frame within a hundredth
      const [low, high] = [0.99, 1.01].map((factor) => expected(scaling, object.score, factor * side));
      const score = scores.get(key(object))!;
      assert.ok(score >= Math.min(low!, high!) - 0.01 && score <= Math.max(low!, high!) + 0.01, `${score}, side ${side}`);
    }
    const scored = answer!.objects.map(({ score }) => score);
    assert.deepEqual(
      scored,
      scored.toSorted((a, b) => b - a),
    );
    const least = scored[scored.length >> 1]!;
    const kept = calibrated.detect(frame, { minScore: least - 1e-9 }).objects;
    assert.deepEqual(
      kept.map(key).sort(),
      answer!.objects
        .filter(({ score }) => score >= least)
        .map(key)
        .sort(),
    );
  }
});

test("a model is loaded from bytes of any kind and realm, a Blob, Response, Request, path, file URL, module, and a promise of one alike", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fourway-"));
  try {
    const bytes = saveModel(colourModel()) as Uint8Array<ArrayBuffer>;
    const path = join(folder, "colours.onnx");
    writeFileSync(path, bytes);
    const other = runInNewContext("new Uint8Array(length)", { length: bytes.length }) as Uint8Array<ArrayBuffer>;
    other.set(bytes);
    const shared = new SharedArrayBuffer(bytes.length);
    new Uint8Array(shared).set(bytes);
    const frame = paint(128, 96, [{ x: 30, y: 40, side: 20, colour: [255, 0, 0, 255] }]);
    const answers = [];
    const buffers = [bytes, bytes.slice().buffer, new DataView(bytes.slice().buffer), shared, other, other.buffer];
    const data = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
    const places = [path, pathToFileURL(path), pathToFileURL(path).href, new Request(data), new URL(data)];
    const promises = [Promise.resolve(bytes), fetch(data), Promise.resolve({ default: bytes })];
    for (const source of [...buffers, new Blob([bytes]), new Response(bytes), ...places, { default: bytes }, ...promises]) {
      using detector = await Detector.load(source);
      assert.deepEqual(detector.tasks, ["red", "blue"]);
      answers.push(detector.detect(frame).objects);
    }
    assert.ok(answers[0]!.length > 0);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("anything else than a model is refused by what is taken", async () => {
  for (const [source, kind] of [
    [null, "Null"],
    [7, "Number"],
    [{}, "Object"],
    [[1, 2], "Array"],
    [Promise.resolve(), "Undefined"],
    [{ threads: 2 }, "Object"],
    [{ default: 7 }, "Number"],
  ] as const)
    await assert.rejects(
      Detector.load(source as unknown as string),
      isError("E_ARGUMENT", new RegExp(`expected a model as ArrayBuffer, .*Blob, Request, Response, URL, path, .*, got ${kind}; `)),
    );
  await assert.rejects(Detector.load(new Response("", { status: 404 })), isError("E_MODEL", /status 404/));
});

test("without a model it is fourway-m, and each shipped model's module holds the bytes of its file", async () => {
  for (const name of ["fourway-n", "fourway-s", "fourway-m", "fourway-l"]) {
    const file = readFileSync(`models/${name}.onnx`);
    const { default: bytes } = (await import(`fourway/models/${name}`)) as { default: Uint8Array };
    assert.deepEqual(Buffer.from(bytes), file, name);
    assert.equal(import.meta.resolve(`fourway/models/${name}.onnx`), pathToFileURL(`models/${name}.onnx`).href);
  }
  const frame = drawScene(1, 8, { width: 640, height: 400 }).frame;
  using carried = await Detector.load();
  using named = await Detector.load("models/fourway-m.onnx");
  assert.deepEqual(carried.detect(frame).objects, named.detect(frame).objects);
});

test("each detector has the kernels that it is given, and the next one its own; others than Fourway's are refused", async () => {
  const frame = paint(128, 96, [{ x: 30, y: 40, side: 20, colour: [255, 0, 0, 255] }]);
  const load = async (wasm: DetectorOptions["wasm"], threads = 1) => {
    using detector = await Detector.load(colourModel(), { wasm, threads });
    return [detector.threads, detector.detect(frame).objects] as const;
  };
  const [, wanted] = await load(undefined);
  for (const build of ["simd", "simdThreads"]) {
    const bytes = readFileSync(`build/${build}.wasm`);
    const threads = build === "simd" ? 1 : 2;
    for (const wasm of [bytes, WebAssembly.compile(bytes), import(`fourway/wasm/${build}`), pathToFileURL(`build/${build}.wasm`)])
      assert.deepEqual(await load(wasm, threads), [threads, wanted]);
  }
  const plain = await Detector.load(colourModel(), { wasm: readFileSync("build/simd.wasm"), threads: 2 });
  assert.deepEqual([plain.threads, plain.singleThreadReason?.match(/pass fourway\S+/)?.[0]], [1, "pass fourway/wasm/simdThreads.wasm"]);
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await assert.rejects(load(empty), isError("E_RUNTIME", /expected Fourway's kernels, got another module/));
  await assert.rejects(load(empty.subarray(0, 4)), isError("E_RUNTIME", /^wasm: /));
  await assert.rejects(load(7 as never), isError("E_ARGUMENT", /expected the kernels as .*, got Number/));
  await assert.rejects(
    load(readFileSync("build/simdThreads.wasm")),
    isError("E_RUNTIME", /kernels for one thread, .*pass fourway\/wasm\/simd\.wasm/),
  );
  assert.deepEqual(await load(undefined), [1, wanted]);
});

test("a file with another digest than the caller's is refused", async () => {
  const file = saveModel(colourModel());
  const sha256 = createHash("sha256").update(file).digest("hex");
  for (const digest of [sha256, sha256.toUpperCase()]) (await Detector.load(file, { sha256: digest })).dispose();
  await assert.rejects(
    Detector.load(saveModel(randomModel()), { sha256 }),
    isError("E_MODEL", new RegExp(`SHA-256 ${sha256}, got [0-9a-f]{64}`)),
  );
  await assert.rejects(Detector.load(file, { sha256: "abc" }), isError("E_ARGUMENT", /64 hexadecimal digits/));
  await assert.rejects(Detector.load(colourModel(), { sha256 }), isError("E_ARGUMENT", /in memory/));
});

test('a task named "__proto__" keeps its presence, its threshold and its objects', async () => {
  const model = colourModel();
  const named = (value: unknown) => JSON.parse(JSON.stringify(value).replaceAll('"red', '"__proto__'));
  const graph = { ...named({ ...model.graph, params: undefined }), params: model.graph.params } as typeof model.graph;
  for (const node of graph.nodes)
    for (const role of Object.keys(node.params)) node.params[role as "weight"] = node.params[role as "weight"]!.replace("__proto__", "red");
  using detector = await Detector.load(saveModel({ graph, info: named(model.info) }), { thresholds: JSON.parse('{"__proto__":0.9}') });
  const { presence, objects } = detector.detect(paint(128, 96, [{ x: 30, y: 40, side: 20, colour: [255, 0, 0, 255] }]));
  assert.deepEqual(Object.keys(presence), ["__proto__", "blue"]);
  assert.ok(Object.getOwnPropertyDescriptor(presence, "__proto__")!.value > 0.95);
  assert.ok(objects.length > 0 && objects.every(({ task, score }) => task === "__proto__" && score >= 0.9));
});

test("where the runtime refuses memory, at the start or as it grows, the error says so, and the detector goes on as soon as there is some", async () => {
  const frames = [paint(64, 64, []), paint(900, 700, []), paint(1600, 1200, [])];
  const detector = await Detector.load(colourModel(), { pixels: 4096 });
  const expected = frames.map((frame) => detector.detect(frame).presence);
  const { grow } = WebAssembly.Memory.prototype;
  let grown = 0;
  for (let refused = 1; refused < 100; refused++) {
    let count = 0;
    WebAssembly.Memory.prototype.grow = function (pages) {
      if (++count === refused) throw new RangeError("WebAssembly.Memory.grow(): Maximum memory size exceeded");
      return grow.call(this, pages);
    };
    let fresh: Detector | undefined;
    let failures = 0;
    try {
      for (let k = 0; k < frames.length; k++)
        try {
          fresh ??= await Detector.load(colourModel(), { pixels: 4096 });
          assert.deepEqual(fresh.detect(frames[k]!).presence, expected[k]);
        } catch (error) {
          if (!isError("E_RUNTIME", /^memory: expected room for \d+ bytes, got refused; use a smaller/)(error)) throw error;
          failures++;
          k--; // again, with memory
        }
    } finally {
      WebAssembly.Memory.prototype.grow = grow;
    }
    if (failures === 0) break;
    assert.equal(failures, 1);
    grown++;
    fresh?.dispose();
  }
  assert.ok(grown >= 2, `${grown} reservations that may be refused`);
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class {
    constructor() {
      throw new RangeError("WebAssembly.Memory(): could not allocate memory");
    }
  } as unknown as typeof Memory;
  try {
    await assert.rejects(Detector.load(colourModel()), isError("E_RUNTIME", /could not allocate memory.*ulimit -v/));
    await assert.rejects(Detector.load(colourModel(), { threads: 2 }), isError("E_RUNTIME", /could not allocate memory/));
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test("without WebAssembly the error says how to have it", () => {
  const script = `
    const { Detector } = await import(${JSON.stringify(new URL("../../src/index.js", import.meta.url).href)});
    const { colourModel } = await import(${JSON.stringify(new URL("./models.js", import.meta.url).href)});
    await Detector.load(colourModel()).catch(({ code, message }) => console.log(code, message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--jitless", "--input-type=module", "-e", script], { encoding: "utf8" });
  assert.match(stdout, /^E_RUNTIME wasm: expected a runtime with WebAssembly, got none; run node without --jitless/, stderr);
});

test("bad frames, scores, options and models are refused with what to do, and the detector goes on", async () => {
  const detector = await Detector.load(colourModel(), { pixels: 4096 });
  const good = paint(64, 64, []);
  const bad: [unknown, RegExp][] = [
    [undefined, /expected a frame/],
    [{ width: 64, height: 64 }, /expected a frame/],
    [{ ...good, data: new Float32Array(4 * 64 * 64) }, /expected a frame/],
    [{ ...good, data: good.data.subarray(4) }, /expected 16384 RGBA bytes/],
    [{ ...good, width: 0 }, /whole, positive size, got 0/],
    [{ ...good, height: 64.5 }, /whole, positive size, got 64 x 64.5/],
    [{ data: new Uint8Array(4), width: 60000, height: 60000 }, /at most/],
  ];
  for (const [frame, message] of bad) assert.throws(() => detector.detect(frame as Frame), isError("E_ARGUMENT", message));
  for (const minScore of [-0.1, 1.5, Number.NaN]) assert.throws(() => detector.detect(good, { minScore }), isError("E_ARGUMENT", /0\.\.1/));
  assert.deepEqual(detector.detect(good).objects, []);

  await assert.rejects(Detector.load(colourModel(), { pixels: 100 }), isError("E_ARGUMENT", /pixels/));
  await assert.rejects(
    Detector.load(colourModel(), { thresholds: { green: 0.5 } }),
    isError("E_ARGUMENT", /red, blue, got one for "green"/),
  );
  await assert.rejects(Detector.load(colourModel(), { thresholds: { red: 2 } }), isError("E_ARGUMENT", /0\.\.1/));
  await assert.rejects(Detector.load("/nowhere/at/all.onnx"), isError("E_MODEL", /\/nowhere\/at\/all\.onnx/));
  await assert.rejects(Detector.load(new Uint8Array([1, 2, 3])), isError("E_ONNX", /./));
  const model = colourModel();
  await assert.rejects(Detector.load({ ...model, info: defaultInfo(TASKS) }), isError("E_MODEL", /12 maps, got 6/));
  await assert.rejects(
    Detector.load({ ...model, graph: { ...model.graph, outputs: [...model.graph.outputs].reverse() } }),
    isError("E_MODEL", /8 x 8 x 5/),
  );
});

test("a model without numbers for weights is told as damaged", async () => {
  const model = colourModel();
  for (const param of model.graph.params.values()) param.data.fill(Number.NaN);
  const detector = await Detector.load(model, { pixels: 4096 });
  assert.throws(() => detector.detect(paint(64, 64, [])), isError("E_MODEL", /damaged/));
});

test("after dispose a detector refuses to work, also at the end of a using block", async () => {
  const frame = paint(64, 64, []);
  const detector = await Detector.load(colourModel());
  detector.detect(frame);
  detector.dispose();
  detector.dispose();
  assert.throws(() => detector.detect(frame), isError("E_DISPOSED", /disposed/));
  let kept: Detector;
  {
    using held = await Detector.load(colourModel());
    kept = held;
    kept.detect(frame);
  }
  assert.throws(() => kept.detect(frame), isError("E_DISPOSED", /disposed/));
});

test("every part of a frame's work takes time and is told", async () => {
  const detector = await Detector.load(randomModel(), { pixels: PIXELS });
  const { ms } = detector.detect(noise(300, 200, 1));
  assert.deepEqual(Object.keys(ms), ["letterbox", "network", "postprocess"]);
  for (const time of Object.values(ms)) assert.ok(time >= 0 && time < 60_000);
  assert.ok(ms.network > 0);
});
