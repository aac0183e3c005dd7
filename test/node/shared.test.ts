import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TASKS } from "../../src/core/task.js";
import type { Label, Sample } from "../../src/data/dataset.js";
import { describeFaults } from "../../src/data/read.js";
import { readDatasets } from "../../src/node/files.js";
import { readImage } from "../../src/node/image.js";

const data = process.env.FOURWAY_SHARED ? join(process.env.FOURWAY_SHARED, "data") : "";
const skip = existsSync(join(data, "README.md")) && data !== "" ? false : "FOURWAY_SHARED names no folder with data/README.md";

/** A cell of the README's table: pictures with boxes (boxes) / present, not boxed / absent / not labelled. */
function cell(labels: Label[]): string {
  const boxed = labels.filter((label): label is Exclude<Label, true | null> => Array.isArray(label) && label.length > 0);
  const [present, absent, unknown] = [
    labels.filter((l) => l === true),
    labels.filter((l) => Array.isArray(l) && l.length === 0),
    labels.filter((l) => l === null),
  ];
  return `${boxed.length} (${boxed.flat().length}) / ${present.length} / ${absent.length} / ${unknown.length}`;
}

test("the counts of the real photos are those of their README, without a fault", { skip }, async () => {
  const { samples, faults } = await readDatasets([data], TASKS);
  assert.equal(describeFaults(faults), "");
  const rows = [...readFileSync(join(data, "README.md"), "utf8").matchAll(/^\| (\*\*all\*\*|\w+) \| (train|val) \| (\d+) \| (.*) \|$/gm)];
  assert.ok(rows.length > 30);
  const listed = new Set(rows.map(([, set]) => set)); // a set of pasted pictures is not, nor is it among "all"
  for (const [, set, split, pictures, cells] of rows) {
    const chosen = samples.filter(
      (sample: Sample) => (set === "**all**" ? listed.has(sample.set) : sample.set === set) && sample.split === split,
    );
    assert.equal(chosen.length, Number(pictures), `${set} ${split}`);
    for (const [index, text] of cells!.split(" | ").entries()) {
      const task = TASKS[index]!;
      const labels = chosen.map((sample) => sample.labels[task] ?? null);
      assert.equal(
        text === "?" ? (labels.every((label) => label === null) ? "?" : "labelled") : cell(labels),
        text,
        `${set} ${split} ${task}`,
      );
    }
  }
});

test("a real photo has the size that its labels say", { skip }, async () => {
  const { samples } = await readDatasets([join(data, "stops")], TASKS);
  for (const sample of samples.slice(0, 10)) {
    const frame = await readImage(sample.image);
    assert.deepEqual([frame.width, frame.height], [sample.width, sample.height]);
  }
});
