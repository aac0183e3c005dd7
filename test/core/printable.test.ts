import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../../src/core/printable.js";

test("control and format characters are escaped, all else stays as it is", () => {
  assert.equal(printable("a\u001b[31m\r\n\u0085\u202eb\u2028c"), "a\\x1b[31m\\x0d\\x0a\\x85\\u202eb\\u2028c");
  assert.equal(printable("straße/図 1.jpg \\x1b"), "straße/図 1.jpg \\x1b");
});
