import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { readImage, readView, writeImage } from "../../src/node/image.js";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fourway-image-"));
});
after(() => rm(folder, { recursive: true }));

/** A picture whose left half is red and right half blue. */
const halves = (width: number, height: number, channels: 3 | 4 = 3, alpha = 255) => {
  const data = Buffer.alloc(width * height * channels);
  for (let i = 0; i < width * height; i++)
    data.set([i % width < width / 2 ? 255 : 0, 0, i % width < width / 2 ? 0 : 255, alpha].slice(0, channels), i * channels);
  return sharp(data, { raw: { width, height, channels } });
};
const pixel = (frame: { data: Uint8Array | Uint8ClampedArray; width: number }, x: number, y: number) => [
  ...frame.data.subarray(4 * (y * frame.width + x), 4 * (y * frame.width + x) + 4),
];
const near = (a: number[], b: number[], tolerance = 8) =>
  assert.ok(
    a.every((value, index) => Math.abs(value - b[index]!) <= tolerance),
    `${a} is not near ${b}`,
  );

/** A PNG that is nothing but a header, made by hand. */
function pngHeader(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(64))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const crc = (bytes: Buffer): number => crc32(bytes);

test("JPEG, PNG and WebP become RGBA bytes, from a path and from bytes", async () => {
  for (const kind of ["jpeg", "png", "webp"] as const) {
    const path = join(folder, `halves.${kind}`);
    await halves(40, 20).toFormat(kind, { quality: 100 }).toFile(path);
    for (const source of [path, new Uint8Array(await readFile(path))]) {
      const frame = await readImage(source);
      assert.deepEqual([frame.width, frame.height, frame.data.length], [40, 20, 3200]);
      near(pixel(frame, 5, 10), [255, 0, 0, 255]);
      near(pixel(frame, 35, 10), [0, 0, 255, 255]);
    }
  }
});

test("grey, palette, 16-bit and four-colour pictures become RGBA bytes too", async () => {
  const grey = sharp(Buffer.alloc(300, 120), { raw: { width: 20, height: 15, channels: 1 } });
  const pictures = {
    grey: await grey.clone().toColourspace("b-w").png().toBuffer(),
    greyJpeg: await grey.clone().toColourspace("b-w").jpeg().toBuffer(),
    palette: await grey.clone().png({ palette: true }).toBuffer(),
    deep: await grey.clone().toColourspace("rgb16").png().toBuffer(),
    cmyk: await grey.clone().toColourspace("cmyk").jpeg().toBuffer(),
  };
  for (const [name, bytes] of Object.entries(pictures)) {
    const frame = await readImage(bytes);
    assert.deepEqual([frame.width, frame.height, frame.data.length], [20, 15, 1200], name);
    near(pixel(frame, 3, 3), [120, 120, 120, 255], name === "cmyk" ? 40 : 3);
  }
});

test("a picture is turned upright by its EXIF orientation", async () => {
  // 6: the camera was held so that the picture must be turned a quarter clockwise: what was left comes to the top.
  const turned = await readImage(await halves(40, 20).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer());
  assert.deepEqual([turned.width, turned.height], [20, 40]);
  near(pixel(turned, 10, 5), [255, 0, 0, 255]);
  near(pixel(turned, 10, 35), [0, 0, 255, 255]);
  // 2: mirrored.
  const mirrored = await readImage(await halves(40, 20).withMetadata({ orientation: 2 }).jpeg({ quality: 100 }).toBuffer());
  near(pixel(mirrored, 5, 10), [0, 0, 255, 255]);
});

test("what is transparent lies on grey", async () => {
  const frame = await readImage(await halves(10, 10, 4, 0).png().toBuffer());
  assert.deepEqual(pixel(frame, 2, 2), [114, 114, 114, 255]);
});

test("a header that claims 60000 x 60000 pixels is refused before anything is allocated", async () => {
  const before = process.memoryUsage().rss;
  await assert.rejects(readImage(pngHeader(60000, 60000)), { code: "E_IMAGE", message: /at most 100000000 pixels, got 60000 x 60000/ });
  assert.ok(process.memoryUsage().rss - before < 200e6);
});

test("a truncated JPEG, PNG or WebP is refused, with its path and what to do", async () => {
  const noise = Buffer.from(Array.from({ length: 90 * 60 * 3 }, (_, i) => (i * 7919 + ((i * i) % 251)) & 255));
  for (const kind of ["jpeg", "png", "webp"] as const) {
    const whole = await sharp(noise, { raw: { width: 90, height: 60, channels: 3 } })
      .toFormat(kind)
      .toBuffer();
    for (const share of [0.97, 0.6, 0.1]) {
      const path = join(folder, `cut.${kind}`);
      await writeFile(path, whole.subarray(0, Math.floor(whole.length * share)));
      await assert.rejects(
        readImage(path),
        (error: Error & { code: string }) =>
          error.code === "E_IMAGE" && error.message.startsWith(path) && /copy or export/.test(error.message),
        `${kind} ${share}`,
      );
    }
  }
});

test("what is no picture, or of a kind that is not taken, is refused", async () => {
  const text = join(folder, "notes.jpg");
  await writeFile(text, "not a picture");
  await assert.rejects(readImage(text), { code: "E_IMAGE", message: /JPEG, PNG or WebP/ });
  await assert.rejects(readImage(Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")), { code: "E_IMAGE" });
  await assert.rejects(readImage(new Uint8Array(0)), { code: "E_IMAGE" });
  await assert.rejects(readImage(await halves(4, 4).gif().toBuffer()), { code: "E_IMAGE" });
  await assert.rejects(readImage(join(folder, "missing.jpg")), { code: "E_IMAGE", message: /missing\.jpg/ });
  await assert.rejects(readImage(folder), { code: "E_IMAGE", message: /not a file/ });
});

test("a photo of 30 megapixels is read", async () => {
  const bytes = await sharp({ create: { width: 6708, height: 4472, channels: 3, background: "#336699" } })
    .jpeg()
    .toBuffer();
  const frame = await readImage(bytes);
  assert.deepEqual([frame.width, frame.height], [6708, 4472]);
  near(pixel(frame, 6700, 4470), [51, 102, 153, 255]);
});

test("a frame that is written as PNG is read back the same, as JPEG and WebP nearly", async () => {
  const data = new Uint8Array(4 * 30 * 20).map((_, i) => (i % 4 === 3 ? 255 : (i * 3) & 127));
  const frame = { data, width: 30, height: 20 };
  for (const extension of ["png", "jpg", "jpeg", "webp", "PNG"]) {
    const path = join(folder, `written.${extension}`);
    await writeImage(path, frame, { quality: 100 });
    const again = await readImage(path);
    if (extension.toLowerCase() === "png") assert.deepEqual(again, frame);
    else assert.ok(Uint8Array.from(again.data).reduce((sum, value, i) => sum + Math.abs(value - data[i]!), 0) / data.length < 30);
  }
});

test("a picture is not written under a name of another kind, nor from a frame that does not fit, nor where it cannot be", async () => {
  const frame = { data: new Uint8Array(16), width: 2, height: 2 };
  await assert.rejects(writeImage(join(folder, "a.gif"), frame), { code: "E_ARGUMENT", message: /\.png, \.jpg, \.jpeg or \.webp/ });
  await assert.rejects(writeImage(join(folder, "a.png"), { ...frame, width: 3 }), { code: "E_ARGUMENT" });
  await assert.rejects(writeImage(join(folder, "none", "a.png"), frame), { code: "E_IMAGE" });
});

/** A picture of noise as a JPEG. */
const noisyJpeg = (width: number, height: number) =>
  sharp(Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + ((i * i) % 251)) & 255)), {
    raw: { width, height, channels: 3 },
  })
    .jpeg()
    .toBuffer();

test("a JPEG without its end marker is the same picture; one that lacks more is refused", async () => {
  const whole = await noisyJpeg(90, 60);
  const frame = await readImage(whole);
  assert.deepEqual(await readImage(whole.subarray(0, -2)), frame);
  assert.deepEqual(await readImage(whole.subarray(0, -1)), frame);
  for (const missing of [20, 200]) await assert.rejects(readImage(whole.subarray(0, -missing)), { code: "E_IMAGE" });
});

test("a header that claims more pixels than the file's bytes can hold is refused", async () => {
  const jpeg = await noisyJpeg(16, 16);
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  jpeg.writeUInt16BE(10000, frame + 5);
  jpeg.writeUInt16BE(9999, frame + 7);
  await assert.rejects(readImage(jpeg), { code: "E_IMAGE", message: /a header of 9999 x 10000 pixels on \d+ bytes/ });
  await assert.rejects(readImage(pngHeader(9999, 10000)), { code: "E_IMAGE", message: /a header of/ });
});

test("a picture much larger than the box it is to cover is decoded smaller, upright too; another comes as it is, to the bit", async () => {
  const covering = { width: 64, height: 50 };
  for (const kind of ["jpeg", "png", "webp"] as const) {
    const large = await readImage(await halves(600, 400).toFormat(kind).toBuffer(), { covering });
    assert.deepEqual([large.width, large.height], [75, 50], kind);
    near(pixel(large, 5, 25), [255, 0, 0, 255]);
    near(pixel(large, 70, 25), [0, 0, 255, 255]);
  }
  const turned = await readImage(await halves(600, 400).withMetadata({ orientation: 6 }).jpeg().toBuffer(), { covering });
  assert.deepEqual([turned.width, turned.height], [50, 75]);
  near(pixel(turned, 25, 5), [255, 0, 0, 255]);
  const small = await noisyJpeg(120, 80);
  assert.deepEqual(await readImage(small, { covering }), await readImage(small));
});

test("a full disk is an error with the path, and no part of a picture is left", { skip: !existsSync("/dev/full") }, async () => {
  const path = join(folder, "full.png");
  await symlink("/dev/full", `${path}.part`);
  await assert.rejects(writeImage(path, { data: new Uint8Array(16), width: 2, height: 2 }), {
    code: "E_IMAGE",
    message: /full\.png: .*ENOSPC/,
  });
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith("full.png")));
});

test("a view of 100 megapixels takes less memory than its pixels, and knows the picture's size", async () => {
  const path = join(folder, "large.png");
  await sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: "#336699" } })
    .png({ compressionLevel: 1 })
    .toFile(path);
  const script = `
    const { readView } = await import(${JSON.stringify(new URL("../../src/node/image.js", import.meta.url).href)});
    const { frame, width, height } = await readView(${JSON.stringify(path)});
    console.log(JSON.stringify([width, height, frame.width, frame.height, process.resourceUsage().maxRSS / 1024]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(stderr, "");
  const [width, height, frameWidth, frameHeight, mebibytes] = JSON.parse(stdout);
  assert.deepEqual([width, height, frameWidth, frameHeight], [10_000, 10_000, 2500, 2500]);
  assert.ok(mebibytes < 250, `${mebibytes} MiB`);
});

test("a view of a picture that is not so large is the picture, to the bit", async () => {
  const bytes = await halves(4000, 30).png().toBuffer();
  const path = join(folder, "long.png");
  await writeFile(path, bytes);
  const { frame, width, height } = await readView(path);
  assert.deepEqual([width, height], [4000, 30]);
  assert.deepEqual(frame, await readImage(bytes));
});
