import assert from "node:assert/strict";

/** Exponentials of two runtimes may differ in the last bit of a double. */
const EXP_TOLERANCE = 1e-12;

/** Numbers beyond `EXP_TOLERANCE` of the expected ones, or anything else that differs, fail. */
export function assertClose(got: unknown, expected: unknown, where: string): void {
  if (typeof expected === "number")
    assert.ok(Math.abs((got as number) - expected) <= EXP_TOLERANCE * Math.max(1, Math.abs(expected)), `${where}: ${got}, not ${expected}`);
  else if (typeof expected === "object" && expected !== null) {
    assert.deepEqual(Object.keys(got as object), Object.keys(expected), where);
    for (const [key, value] of Object.entries(expected)) assertClose((got as Record<string, unknown>)[key], value, `${where}.${key}`);
  } else assert.equal(got, expected, where);
}
