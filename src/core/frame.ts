import { FourwayError } from "./errors.js";

/** Pixels as they come: RGBA bytes, row by row from the top left, 4 * width * height of them. `ImageData` fits. */
export interface Frame {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Pixels as cameras and video decoders give them: a byte of luma each, and for every 2 x 2 of them a byte of both kinds of chroma (of odd sides,
 * the last ones have samples of their own).
 */
export interface YuvFrame {
  /** How chroma lies behind the luma: I420 has two planes, first U (Cb), NV12 has one of pairs. */
  readonly format: "I420" | "NV12";
  /** The planes, row by row, without row padding: width * height + 2 * ceil(width / 2) * ceil(height / 2) bytes. */
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  /** By which it was made of RGB: ITU-R BT.601 (cameras, the default) or BT.709. */
  readonly matrix?: "bt601" | "bt709";
  /** Whether bytes reach from 0 to 255; by default luma from 16 to 235, chroma from 16 to 240. */
  readonly fullRange?: boolean;
}

/** The largest picture that is taken, in pixels (about 100 megapixels): what a file claims is checked before anything is allocated. */
export const MAX_FRAME_PIXELS = 100_000_000;

/** How many bytes a frame of a format has. */
function bytesOf(format: string | undefined, width: number, height: number): number | undefined {
  if (format === undefined) return 4 * width * height;
  if (format === "I420" || format === "NV12") return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
  return undefined;
}

/** Throws E_ARGUMENT unless the frame has bytes, and its sizes are whole, positive, not absurd and match them. */
export function checkFrame(frame: Frame | YuvFrame, where: string): void {
  if (!ArrayBuffer.isView(frame?.data) || frame.data.BYTES_PER_ELEMENT !== 1)
    throw new FourwayError(
      "E_ARGUMENT",
      `${where}: expected a frame with RGBA bytes as its data, got none; pass { data, width, height } or ImageData`,
    );
  const { width, height, data } = frame;
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new FourwayError("E_ARGUMENT", `${where}: expected a frame of whole, positive size, got ${width} x ${height}`);
  if (width * height > MAX_FRAME_PIXELS)
    throw new FourwayError(
      "E_ARGUMENT",
      `${where}: expected at most ${MAX_FRAME_PIXELS} pixels, got ${width} x ${height}; scale the frame down first`,
    );
  const format = "format" in frame ? frame.format : undefined;
  const bytes = bytesOf(format, width, height);
  if (bytes === undefined)
    throw new FourwayError("E_ARGUMENT", `${where}: expected the format I420 or NV12, got ${format}; leave it out for RGBA bytes`);
  if (data.length !== bytes)
    throw new FourwayError(
      "E_ARGUMENT",
      `${where}: expected ${bytes} ${format ?? "RGBA"} bytes for ${width} x ${height}, got ${data.length}; pass ${format ? "the planes" : "four bytes a pixel"}, without row padding`,
    );
}
