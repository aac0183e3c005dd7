import assert from "node:assert/strict";
import { test } from "node:test";
import { TASKS } from "../../../src/core/task.js";
import { LABEL_FORMATS } from "../../../src/data/formats/table.js";

/** The text of a file with two pictures, by format. */
const TEXTS: Record<string, string> = {
  native: ["a.jpg", "b.jpg"]
    .map((image) => JSON.stringify({ image, width: 9, height: 9, split: "val", group: image, labels: { car: [] } }))
    .join("\n"),
  COCO: JSON.stringify({
    images: ["a.jpg", "b.jpg"].map((file_name, id) => ({ id, file_name, width: 9, height: 9, split: "val" })),
    annotations: [],
    categories: [{ id: 1, name: "car" }],
  }),
  CSV: "image,split,car\na.jpg,val,no\nb.jpg,val,no\n",
};

test("no two formats share a name, an extension or a file", () => {
  for (const field of ["name", "extension"] as const) {
    const values = LABEL_FORMATS.flatMap((format) => format[field] ?? []);
    assert.equal(new Set(values).size, values.length);
  }
  for (const file of ["labels.jsonl", "instances_val2017.json", "annotations.json", "_annotations.coco.json", "labels.csv"])
    assert.equal(LABEL_FORMATS.filter(({ fileName }) => fileName.test(file)).length, 1, file);
});

for (const format of LABEL_FORMATS.filter(({ extension }) => extension))
  test(`${format.name}: the parser asks once where its pictures lie, and reads the rest from the text`, async () => {
    const asked: (readonly string[])[] = [];
    const { samples, faults, lines } = await format.parse(TEXTS[format.name]!, {
      file: `x${format.extension}`,
      set: "s",
      tasks: TASKS,
      options: {},
      async resolve(names) {
        asked.push(names);
        return names.map((name) => `/far/${name}`);
      },
    });
    assert.deepEqual(asked, [["a.jpg", "b.jpg"]]);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      samples.map(({ image, split, labels }) => [image, split, labels.car]),
      [
        ["/far/a.jpg", "val", []],
        ["/far/b.jpg", "val", []],
      ],
    );
    assert.equal(lines.length, 2);
  });
