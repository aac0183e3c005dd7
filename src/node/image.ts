import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, MAX_FRAME_PIXELS } from "../core/frame.js";

// Pictures from and to files, by sharp (libvips), which is an optional peer: without it all else of Fourway works.

type Sharp = typeof import("sharp").default;

/** The grey under transparent pixels: that of the letterbox bars. */
const GREY = { r: 114, g: 114, b: 114 };

/** Files beyond this are refused unread: more than MAX_FRAME_PIXELS take uncompressed. */
const MAX_FILE_BYTES = 4 * MAX_FRAME_PIXELS + 1_000_000;

let loading: Promise<Sharp> | undefined;

/**
 * sharp, loaded on the first call and set so that a loader that decodes many pictures at once keeps neither caches nor idle threads.
 * @throws E_RUNTIME where it is not installed.
 */
export function loadSharp(load: () => Promise<{ default: Sharp }> = () => import("sharp")): Promise<Sharp> {
  loading ??= load().then(
    ({ default: sharp }) => {
      sharp.cache(false);
      sharp.concurrency(1); // pictures are decoded side by side, so threads within one picture only get in each other's way
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
 * transparent parts laid on grey (alpha is 255 everywhere); of an animation the first picture.
 * The header is checked before any pixel is decoded, so that a picture of absurd size allocates nothing.
 * @param source a path, or the bytes of a file.
 * @throws E_IMAGE for a file that is missing, of another kind, damaged, or larger than MAX_FRAME_PIXELS. E_RUNTIME without sharp.
 */
export async function readImage(source: string | Uint8Array): Promise<Frame> {
  const sharp = await loadSharp();
  const where = typeof source === "string" ? source : `picture of ${source.length} bytes`;
  const bytes = typeof source === "string" ? await readBounded(source) : source;
  const kind = pictureKind(bytes);
  if (kind === null)
    throw new FourwayError(
      "E_IMAGE",
      `${where}: expected a JPEG, PNG or WebP picture, got another kind of file; convert it to one of these first`,
    );
  let size: { width: number; height: number };
  try {
    size = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw damaged(where, kind, cause);
  }
  if (!(size.width > 0 && size.height > 0)) throw damaged(where, kind, new Error("its header tells no size"));
  if (size.width * size.height > MAX_FRAME_PIXELS)
    throw new FourwayError(
      "E_IMAGE",
      `${where}: expected at most ${MAX_FRAME_PIXELS} pixels, got ${size.width} x ${size.height}; scale the picture down first`,
    );
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_FRAME_PIXELS, failOn: "truncated" })
      .autoOrient()
      .flatten({ background: GREY })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height };
  } catch (cause) {
    throw damaged(where, kind, cause);
  }
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
        : picture.flatten({ background: GREY }).jpeg({ quality });
  try {
    const bytes = await encoded.toBuffer();
    const part = `${path}.part`;
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (cause) {
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

/** What the first bytes say: only the kinds that are taken, so that no other decoder is ever reached. */
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
