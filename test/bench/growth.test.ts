import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { referenceModels } from "../../bench/measure.js";
import { scaling } from "../../bench/scaling.js";
import { startups } from "../../bench/startup.js";

test("growth is told against one picture of 320x192, in both precisions, over pixels and batch", async () => {
  const points = await scaling(await referenceModels(), 2, { widths: [160, 320], batches: [2], warmUpMs: 50 });
  assert.deepEqual(
    points.map(({ precision, width, height, batch }) => `${precision} ${width}x${height}x${batch}`),
    ["f32", "int8"].flatMap((precision) => [`${precision} 160x96x1`, `${precision} 320x192x1`, `${precision} 320x192x2`]),
  );
  for (const { width, batch, ms, ratio } of points) {
    const one = points.find(
      (point) => point.width === 320 && point.batch === 1 && Math.abs(ms / point.ms / ratio - (width / 320) ** 2 * batch) < 1e-9,
    );
    assert.ok(ms > 0 && one, `${width} x ${batch}: ${ms} ms, ${ratio} of the line`);
  }
});

const missing = existsSync("models/fourway-s.onnx") ? false : "models/fourway-s.onnx is not there yet";

test("in a fresh process the first result comes before onnxruntime-web's", { skip: missing }, () => {
  const { fourway, onnxruntime } = startups(2);
  for (const { result, withoutImport } of [fourway, onnxruntime]) {
    assert.equal(result.length, 2);
    result.forEach((ms, i) => {
      assert.ok(withoutImport[i]! > 0 && withoutImport[i]! < ms);
    });
  }
  assert.ok(Math.min(...fourway.result) < Math.min(...onnxruntime.result));
});
