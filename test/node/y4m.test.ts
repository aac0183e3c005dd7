import assert from "node:assert/strict";
import { test } from "node:test";
import type { YuvFrame } from "../../src/core/frame.js";
import { readY4m } from "../../src/node/y4m.js";

const text = (line: string): Uint8Array => new TextEncoder().encode(line);
/** A stream in pieces of `size` bytes. */
async function* pieces(parts: readonly Uint8Array[], size: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.concat(parts);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}
async function read(parts: readonly Uint8Array[], size = 7): Promise<YuvFrame[]> {
  const frames: YuvFrame[] = [];
  for await (const frame of readY4m(pieces(parts, size), "clip")) frames.push(frame);
  return frames;
}
/** 3 x 3: 9 bytes of luma, 4 of each chroma. */
const planes = (first: number): Uint8Array => Uint8Array.from({ length: 17 }, (_, i) => first + i);

test("pictures of a stream come one by one, however it is cut into pieces", async () => {
  const parts = [
    text("YUV4MPEG2 W3 H3 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL\n"),
    text("FRAME\n"),
    planes(0),
    text("FRAME Ip\n"),
    planes(10),
  ];
  for (const size of [1, 7, 1000]) {
    const frames = await read(parts, size);
    assert.deepEqual(
      frames.map(({ format, width, height, fullRange, data }) => [format, width, height, fullRange, data]),
      [planes(0), planes(10)].map((data) => ["I420", 3, 3, true, data]),
    );
  }
  assert.equal((await read([text("YUV4MPEG2 W3 H3\nFRAME\n"), planes(0)]))[0]!.fullRange, false);
});

test("other formats, other chroma, absurd sizes and streams that are cut off are told", async () => {
  const wrong = /expected a Y4M video of 8 bits and 4:2:0, got/;
  for (const head of [
    "RIFF....",
    "",
    "YUV4MPEG2 W3 H3 C444\n",
    "YUV4MPEG2 W3 H3 C420p10\n",
    "YUV4MPEG2 W100000 H100000\n",
    "YUV4MPEG2 W3\n",
  ])
    await assert.rejects(read([text(head)]), { code: "E_IMAGE", message: wrong });
  await assert.rejects(read([text("x".repeat(5000))]), { code: "E_IMAGE", message: wrong });
  const head = text("YUV4MPEG2 W3 H3\n");
  await assert.rejects(read([head, text("FRAME\n"), planes(0).subarray(0, 16)]), {
    code: "E_IMAGE",
    message: /expected 17 bytes of a picture, got 16/,
  });
  await assert.rejects(read([head, planes(0), text("\n")]), { code: "E_IMAGE", message: /expected a line FRAME/ });
});
