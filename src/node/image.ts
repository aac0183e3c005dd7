import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, MAX_FRAME_PIXELS } from "../core/frame.js";
import { GREY } from "../image/letterbox.js";

// Pictures from and to files, by sharp (libvips), which is an optional peer: without it all else of Fourway works.

type Sharp = typeof import("sharp").default;

/** The grey behind transparent pixels: that of the letterbox bars. */
const BACKGROUND = { r: GREY, g: GREY, b: GREY };

/** Files beyond this are refused unread: more than MAX_FRAME_PIXELS pixels take uncompressed. */
const MAX_FILE_BYTES = 4 * MAX_FRAME_PIXELS + 1_000_000;

/**
 * The most pixels that a byte can hold: a JPEG has at least a bit for each block of 64; deflate packs at most 1032 to 1, and a PNG's byte is up
 * to 8 pixels. A WebP may be one colour, which takes nothing.
 */
const MOST_PIXELS_A_BYTE = { JPEG: 512, PNG: 8 * 1032, WebP: Number.POSITIVE_INFINITY } as const;

/** JPEG's end marker. */
const END_OF_IMAGE = Uint8Array.of(0xff, 0xd9);

let loading: Promise<Sharp> | undefined;

/**
 * sharp, loaded on the first call and set so that a loader that decodes many pictures at once keeps neither caches nor idle threads.
 * @throws E_RUNTIME where it is not installed.
 */
export function loadSharp(load: () => Promise<{ default: Sharp }> = () => import("sharp")): Promise<Sharp> {
  loading ??= load().then(
    ({ default: sharp }) => {
      sharp.cache(false);
      sharp.concurrency(1); // pictures are decoded in parallel, so threads within one picture would only compete
      return sharp;
    },
    (cause) => {
      loading = undefined;
      throw new FourwayError("E_RUNTIME", "image: expected the package sharp for picture files, got none; run: npm install sharp", {
        cause,
      });
    },
  );
  return loading;
}

/**
 * Decodes a picture file (JPEG, PNG or WebP) to RGBA bytes: turned upright by its EXIF orientation, in sRGB, 8 bits a channel,
 * transparent parts blended with grey (alpha is 255 everywhere); the first picture of an animation.
 * The header is checked before any pixel is decoded, so that a picture of absurd size allocates nothing.
 * A JPEG that lacks only its end marker is accepted; one that lacks rows is damaged.
 * @param source a path, or the bytes of a file.
 * @param options `covering`: the picture may be decoded at a half, a quarter, an eighth .. of its size, as long as it would still have to shrink
 * to fit into this box; a picture that is not that much larger comes as it is, to the bit.
 * @throws E_IMAGE for a file that is missing, of another kind, damaged, or larger than MAX_FRAME_PIXELS. E_RUNTIME without sharp.
 */
export async function readImage(
  source: string | Uint8Array,
  options: { covering?: { width: number; height: number } } = {},
): Promise<Frame> {
  return (await decodeImage(source, options)).frame;
}

/** The box that a network's view of a picture covers: pictures of more than twice its sides are decoded at a half, a quarter .. of their size. */
const VIEW = { width: 2048, height: 2048 };

/**
 * A picture for a network: `readImage` within a bound of memory, since a network's input is far smaller than a large picture. `width` and
 * `height` are those of the file, upright. @throws as `readImage`
 */
export function readView(source: string): Promise<{ frame: Frame; width: number; height: number }> {
  return decodeImage(source, { covering: VIEW });
}

/** Width and height of a picture file, upright; no pixel is decoded. @throws as `readImage` */
export async function readSize(source: string): Promise<{ width: number; height: number }> {
  const { upright } = await readHeader(source, source);
  return { width: upright[0], height: upright[1] };
}

/** A file's bytes and what its header says. */
async function readHeader(
  source: string | Uint8Array,
  where: string,
): Promise<{ bytes: Uint8Array; kind: keyof typeof MOST_PIXELS_A_BYTE; upright: [number, number] }> {
  const sharp = await loadSharp();
  const bytes = typeof source === "string" ? await readBounded(source) : source;
  const kind = pictureKind(bytes);
  if (kind === null)
    throw new FourwayError(
      "E_IMAGE",
      `${where}: expected a JPEG, PNG or WebP picture, got another kind of file; convert it to one of these first`,
    );
  let size: { width: number; height: number; orientation?: number };
  try {
    size = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw damaged(where, kind, cause);
  }
  if (!(size.width > 0 && size.height > 0)) throw damaged(where, kind, new Error("its header has no size"));
  if (size.width * size.height > MAX_FRAME_PIXELS)
    throw new FourwayError(
      "E_IMAGE",
      `${where}: expected at most ${MAX_FRAME_PIXELS} pixels, got ${size.width} x ${size.height}; scale the picture down first`,
    );
  if (size.width * size.height > MOST_PIXELS_A_BYTE[kind] * bytes.length)
    throw damaged(where, kind, new Error(`a header of ${size.width} x ${size.height} pixels on ${bytes.length} bytes`));
  return { bytes, kind, upright: uprightSize(size) };
}

async function decodeImage(
  source: string | Uint8Array,
  { covering }: { covering?: { width: number; height: number } },
): Promise<{ frame: Frame; width: number; height: number }> {
  const sharp = await loadSharp();
  const where = typeof source === "string" ? source : `picture of ${source.length} bytes`;
  const { bytes, kind, upright } = await readHeader(source, where);
  const shrink = covering ? shrinkFor(upright, covering) : 1;
  const decode = async (file: Uint8Array, failOn: "truncated" | "warning"): Promise<Frame> => {
    let picture = sharp(file, { limitInputPixels: MAX_FRAME_PIXELS, failOn }).autoOrient();
    if (shrink > 1) {
      const [width, height] = upright.map((side) => Math.max(1, Math.round(side / shrink)));
      picture = picture.resize({ width, height, fit: "fill" });
    }
    const { data, info } = await picture
      .flatten({ background: BACKGROUND })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height };
  };
  const frame = await decode(bytes, "truncated").catch((cause) => {
    if (kind !== "JPEG") throw damaged(where, kind, cause);
    // with an end marker appended, missing rows are a warning of the decoder
    return decode(Buffer.concat([bytes, END_OF_IMAGE]), "warning").catch(() => {
      throw damaged(where, kind, cause);
    });
  });
  const [width, height] = upright;
  return { frame, width, height };
}

/** Width and height after the EXIF orientation, of which 5 to 8 are rotated by a quarter turn. */
function uprightSize({ width, height, orientation = 1 }: { width: number; height: number; orientation?: number }): [number, number] {
  return orientation >= 5 ? [height, width] : [width, height];
}

/** The largest power of two by which the picture may shrink and still not fit into the box without shrinking more. */
function shrinkFor([width, height]: readonly [number, number], box: { width: number; height: number }): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(Math.max(width / box.width, height / box.height))));
}

/**
 * Writes a frame as PNG, JPEG or WebP, by the path's extension; the file appears whole or not at all.
 * @param options.quality of JPEG and WebP, 1..100, default 90.
 * @throws E_ARGUMENT for another extension or a bad frame, E_IMAGE where the file cannot be written, E_RUNTIME without sharp.
 */
export async function writeImage(path: string, frame: Frame, options: { quality?: number } = {}): Promise<void> {
  const extension = extname(path).toLowerCase();
  if (![".png", ".jpg", ".jpeg", ".webp"].includes(extension))
    throw new FourwayError("E_ARGUMENT", `${path}: expected a name that ends in .png, .jpg, .jpeg or .webp, got "${extension}"; rename it`);
  checkFrame(frame, path);
  const sharp = await loadSharp();
  const { width, height } = frame;
  const picture = sharp(frame.data, { raw: { width, height, channels: 4 } });
  const quality = options.quality ?? 90;
  const encoded =
    extension === ".png"
      ? picture.png()
      : extension === ".webp"
        ? picture.webp({ quality })
        : picture.flatten({ background: BACKGROUND }).jpeg({ quality });
  const part = `${path}.part`;
  try {
    const bytes = await encoded.toBuffer();
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {}); // the first error is reported, not that of the clean-up
    throw new FourwayError(
      "E_IMAGE",
      `${path}: expected to write a picture, got ${firstLine(cause)}; see that its folder exists and can be written`,
      { cause },
    );
  }
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (!info.isFile()) throw new Error("not a file");
    if (info.size > MAX_FILE_BYTES) throw new Error(`${info.size} bytes, more than ${MAX_FILE_BYTES}`);
    return await readFile(path);
  } catch (cause) {
    throw new FourwayError("E_IMAGE", `${path}: expected a readable picture file, got ${firstLine(cause)}; fix the path or the file`, {
      cause,
    });
  }
}

/** The kind by the first bytes: only those that are supported, so that no other decoder is ever reached. */
function pictureKind(bytes: Uint8Array): "JPEG" | "PNG" | "WebP" | null {
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith("\xff\xd8\xff")) return "JPEG";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  return text.startsWith("RIFF") && text.endsWith("WEBP") ? "WebP" : null;
}

function damaged(where: string, kind: string, cause: unknown): FourwayError {
  return new FourwayError("E_IMAGE", `${where}: expected a whole ${kind} picture, got ${firstLine(cause)}; copy or export the file again`, {
    cause,
  });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
