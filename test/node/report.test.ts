import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import type { Box } from "../../src/core/box.js";
import { FourwayError } from "../../src/core/errors.js";
import type { Sample } from "../../src/data/dataset.js";
import type { Found } from "../../src/eval/averagePrecision.js";
import { reliability } from "../../src/eval/fitCalibration.js";
import { mistakes } from "../../src/eval/mistakes.js";
import { evaluate, precisionRecall } from "../../src/eval/scores.js";
import { type Report, thumbnailer, writeReport } from "../../src/node/report.js";
import { escapeMarkup, linePlot } from "../../src/report/plot.js";

const folder = mkdtempSync(join(tmpdir(), "fourway-report-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const HOSTILE = `<script>alert("x")</script>&'`;
const box = (x: number, y: number, width: number, height: number): Box => ({ x, y, width, height });

function sampleOf(image: string, width: number, height: number, car: Box[]): Sample {
  return { image, width, height, split: "val", group: "g", set: "set", labels: { car }, ignore: { car: [] } };
}

/** A report on two pictures: one false positive in the first, one miss in the second. */
function reportOf(samples: Sample[], extra: Partial<Report> = {}): Report {
  const found: Found[] = [
    { objects: [{ task: "car", score: 0.75, box: box(5, 5, 20, 10) }], presence: { car: 0.9 } },
    { objects: [], presence: { car: 0.3 } },
  ];
  return {
    title: "Eval",
    tasks: ["car"],
    samples,
    scores: evaluate(["car"], samples, found),
    curves: { car: precisionRecall("car", samples, found) },
    mistakes: mistakes(["car"], samples, found),
    ...extra,
  };
}

const missing = [
  sampleOf(join(folder, "pictures", "a b#?.jpg"), 100, 80, []),
  sampleOf(join(folder, `c${HOSTILE}.jpg`), 100, 80, [box(40, 40, 20, 20)]),
];

test("the report stands alone: no script, no address outside, figures, both plots and every mistake", async () => {
  const path = join(folder, "new folder", "report.html");
  const extra = { reliability: { car: reliability([0.9, 0.3], [false, true]) }, model: { file: "m.onnx", MACs: 64 } };
  await writeReport(path, reportOf(missing, extra), async () => "data:image/jpeg;base64,AAAA");
  const html = readFileSync(path, "utf8");
  assert.ok(!existsSync(`${path}.tmp`));
  assert.doesNotMatch(html, /<script|<link|javascript:|@import/);
  assert.deepEqual(
    [...html.matchAll(/(?:https?:)?\/\/[\w.]+[^"\s]*/g)]
      .map(([address]) => address)
      .filter((address) => address !== "http://www.w3.org/2000/svg"),
    [],
  );
  assert.equal(html.match(/<img src="data:image\/jpeg;base64,AAAA"/g)!.length, 2);
  assert.equal(html.match(/<svg class="plot"/g)!.length, 2);
  assert.match(html, /<b>score 0\.750<\/b>, overlap 0\.00/);
  assert.match(html, /<b>not found<\/b>, 20×20 px/);
  assert.match(html, /<dt>MACs<\/dt><dd>64<\/dd>/);
  assert.match(html, /<th scope="row">car<\/th><td>0\.000<\/td>/);
  assert.match(html, /prefers-color-scheme:dark/);
  assert.match(html, /name="viewport"/);
});

test("names from files cannot break out of the markup", async () => {
  const path = join(folder, "hostile.html");
  const task = HOSTILE;
  const samples = missing.map((sample) => ({ ...sample, set: HOSTILE, labels: { [task]: sample.labels.car! }, ignore: {} }));
  const found: Found[] = samples.map(() => ({ objects: [{ task, score: 0.5, box: box(1, 1, 9, 9) }], presence: { [task]: 0.5 } }));
  await writeReport(
    path,
    {
      title: HOSTILE,
      tasks: [task],
      samples,
      scores: evaluate([task], samples, found),
      curves: { [task]: precisionRecall(task, samples, found) },
      mistakes: mistakes([task], samples, found),
      reliability: { [task]: reliability([0.5], [true]) },
      model: { [HOSTILE]: HOSTILE },
    },
    null,
  );
  const html = readFileSync(path, "utf8");
  assert.doesNotMatch(html, /<script|alert\("/);
  assert.ok(html.split("&lt;script&gt;").length > 8);
});

test("without thumbnails the report refers to the pictures by a path relative to its own", async () => {
  const path = join(folder, "reference.html");
  for (const thumbnails of [null, async () => null]) {
    await writeReport(path, reportOf(missing), thumbnails);
    const html = readFileSync(path, "utf8");
    assert.match(html, /<image href="pictures\/a%20b%23%3F\.jpg" width="100" height="80"\/>/);
    assert.doesNotMatch(html, /<img/);
  }
});

test("a report with nothing to score shows dashes and says that there is nothing", async () => {
  const path = join(folder, "empty.html");
  await writeReport(path, { title: "", tasks: ["car"], samples: [], scores: evaluate(["car"], [], []), curves: {}, mistakes: {} }, null);
  const html = readFileSync(path, "utf8");
  assert.match(html, /<th scope="row">car<\/th><td>-<\/td><td>-<\/td><td>-<\/td>/);
  assert.match(html, /nothing to show/);
  assert.equal(html.match(/<p>None\.<\/p>/g)!.length, 2);
  assert.doesNotMatch(html, /NaN|undefined|Infinity/);
});

test("a path that cannot be written is an error that names it", async () => {
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(
    writeReport(join(folder, "file", "report.html"), reportOf(missing), null),
    (error) => error instanceof FourwayError && error.code === "E_RUNTIME" && error.message.includes("/file: expected to make a folder"),
  );
});

/** The decoded pixels of a data: URI. */
async function decode(uri: string) {
  const { data, info } = await sharp(Buffer.from(uri.split(",")[1]!, "base64"))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
  return { width: info.width, height: info.height, at };
}

const redness = ([r, g, b]: number[]): number => r! - (g! + b!) / 2;

test("a thumbnail shows the place of the box, box drawn, longer side 160", async () => {
  const path = join(folder, "blue.png");
  // Grey, with a blue square where the box will be.
  const square = await sharp({ create: { width: 20, height: 20, channels: 3, background: "#0000ff" } })
    .png()
    .toBuffer();
  await sharp({ create: { width: 400, height: 300, channels: 3, background: "#808080" } })
    .composite([{ input: square, left: 300, top: 200 }])
    .toFile(path);
  const uri = await thumbnailer([sampleOf(path, 400, 300, [])])(0, box(300, 200, 20, 20), "car");
  assert.match(uri!, /^data:image\/jpeg;base64,/);
  const { width, height, at } = await decode(uri!);
  assert.deepEqual([width, height], [160, 160]);
  // The crop is 48 wide about the centre: the square lies from 46.7 to 113.3 of 160.
  const [r, g, b] = at(80, 80);
  assert.ok(b! > 200 && r! < 60 && g! < 60, `${at(80, 80)}`);
  assert.ok(at(10, 10).every((value) => Math.abs(value - 128) < 12));
  const edge = Math.max(...[45, 46, 47, 48].map((x) => redness(at(x, 80))));
  assert.ok(edge > 60, `no red edge: ${edge}`);
});

test("a thumbnail of a picture that is smaller than its label says shows the labelled place", async () => {
  const path = join(folder, "shrunk.png");
  const square = await sharp({ create: { width: 20, height: 20, channels: 3, background: "#0000ff" } })
    .png()
    .toBuffer();
  await sharp({ create: { width: 400, height: 300, channels: 3, background: "#808080" } })
    .composite([{ input: square, left: 300, top: 200 }])
    .toFile(path);
  const { at } = await decode((await thumbnailer([sampleOf(path, 800, 600, [])])(0, box(600, 400, 40, 40), "car"))!);
  const [r, g, b] = at(80, 80);
  assert.ok(b! > 200 && r! < 60 && g! < 60, `${at(80, 80)}`);
});

test("a thumbnail at the corner of a small picture is what there is, and boxes beyond the edge do no harm", async () => {
  const path = join(folder, "small.png");
  await sharp({ create: { width: 40, height: 20, channels: 3, background: "#808080" } }).toFile(path);
  const make = thumbnailer([sampleOf(path, 40, 20, [])]);
  for (const [x, y, width, height] of [
    [-10, -10, 30, 30],
    [39, 19, 500, 500],
    [0, 0, 0.01, 0.01],
  ] as const) {
    const { width: w, height: h } = await decode((await make(0, box(x, y, width, height), "car"))!);
    assert.deepEqual([w, h], [160, 80]);
  }
});

test("a thumbnail of a picture that is turned by EXIF shows the upright place", async () => {
  const path = join(folder, "turned.jpg");
  // Stored 200 x 100 with its right half red; turned by orientation 6 it is 100 x 200 with the lower half red.
  const red = await sharp({ create: { width: 100, height: 100, channels: 3, background: "#ff0000" } })
    .png()
    .toBuffer();
  const stored = sharp({ create: { width: 200, height: 100, channels: 3, background: "#808080" } }).composite([
    { input: red, left: 100, top: 0 },
  ]);
  await stored.withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toFile(path);
  const make = thumbnailer([sampleOf(path, 100, 200, [])]);
  const low = await decode((await make(0, box(40, 160, 20, 20), "car"))!);
  const high = await decode((await make(0, box(40, 20, 20, 20), "car"))!);
  assert.ok(redness(low.at(80, 80)) > 150 && redness(high.at(80, 80)) < 30);
});

test("a picture that is missing or damaged, or a sample out of range, gives no thumbnail", async () => {
  const damaged = join(folder, "damaged.jpg");
  writeFileSync(damaged, "\xff\xd8\xff not a picture", "latin1");
  const make = thumbnailer([sampleOf(join(folder, "nowhere.jpg"), 10, 10, []), sampleOf(damaged, 10, 10, [])]);
  for (const index of [0, 1, 2]) assert.equal(await make(index, box(0, 0, 5, 5), "car"), null);
});

test("a plot places points by its axes, thins what cannot be seen and breaks at what is not finite", () => {
  const svg = linePlot({
    title: "t",
    x: { label: "x", from: 0, to: 1 },
    y: { label: "y", from: 0, to: 1 },
    series: [
      {
        name: "a",
        points: [[0, 0], [0.5, Number.NaN], [0.5, 0.5], ...Array.from({ length: 1000 }, (_, i) => [0.5 + i * 1e-7, 0.5] as const), [1, 1]],
      },
    ],
  });
  const line = /<g class="c0"><path class="line" d="(M54[^"h]*)"/.exec(svg)![1]!;
  assert.equal(line.match(/M/g)!.length, 2);
  assert.ok(line.match(/L/g)!.length <= 2, line);
  // The left bound is at 54, the right one at 466.
  assert.ok(line.startsWith("M54 ") && /L466 /.test(line), line);
});

test("a plot takes its bounds from the points, with round ticks, also for one point, equal values or none", () => {
  const ticksOf = (points: [number, number][]): string[] =>
    [
      ...linePlot({ title: "", x: { label: "" }, y: { label: "" }, series: [{ name: "loss", points }] }).matchAll(
        /text-anchor="middle">([-\d.e]+)</g,
      ),
    ].map(([, text]) => text!);
  assert.deepEqual(
    ticksOf([
      [0, 3],
      [10000, 1],
    ]),
    ["0", "2000", "4000", "6000", "8000", "10000"],
  );
  assert.deepEqual(
    ticksOf([
      [0.13, 1],
      [0.42, 1],
    ]),
    ["0.2", "0.3", "0.4"],
  );
  for (const points of [
    [],
    [[5, 5]],
    [[0, 0]],
    [
      [-2, 7],
      [-2, 7],
    ],
    [[Number.NaN, 1]],
  ] as [number, number][][]) {
    const svg = linePlot({ title: "", x: { label: "" }, y: { label: "" }, series: [{ name: "a", points }] });
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  }
});

test("a plot's bars are upright, and its bounds hold them", () => {
  const svg = linePlot({
    title: "t",
    x: { label: "x", from: 0, to: 1 },
    y: { label: "y" },
    series: [{ name: "a", points: [[0.5, 5]], style: "dots", bars: [[0.5, 0, 10]] }],
  });
  const [, x, from, to] = /<path class="bar" d="M([\d.]+) ([\d.]+)V([\d.]+)"/.exec(svg)!.map(Number);
  const [, dotX, dotY] = /<circle class="dot" cx="([\d.]+)" cy="([\d.]+)"/.exec(svg)!.map(Number);
  assert.equal(x, dotX);
  assert.ok(Math.abs((from! + to!) / 2 - dotY!) < 0.1, svg);
  const axis = /class="axis" d="M54 ([\d.]+)V([\d.]+)H466"/.exec(svg)!.map(Number);
  assert.ok(to! >= axis[1]! && from! <= axis[2]!, svg);
});

test("series keep their colours though one is empty, and the empty one is not in the legend", () => {
  const svg = linePlot({
    title: "t",
    x: { label: "x" },
    y: { label: "y" },
    series: [
      { name: "first", points: [] },
      {
        name: "second",
        points: [
          [0, 0],
          [1, 1],
        ],
      },
      {
        name: "even",
        points: [
          [0, 0],
          [1, 1],
        ],
        style: "reference",
      },
    ],
  });
  assert.ok(!svg.includes("first") && !svg.includes('class="c0"'));
  assert.equal(svg.match(/<g class="c1">/g)!.length, 2);
  assert.equal(svg.match(/<g class="reference">/g)!.length, 2);
});

test("text is escaped for tags and attributes, and what XML forbids is replaced", () => {
  assert.equal(escapeMarkup(`<a b="c" d='e'>&\u0000\t`), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;?\t");
});
