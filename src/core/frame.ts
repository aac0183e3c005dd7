import { FourwayError } from "./errors.js";

/** Pixels as they come: RGBA bytes, row by row from the top left, 4 * width * height of them. `ImageData` fits. */
export interface Frame {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** The largest picture that is taken, in pixels (about 100 megapixels): what a file claims is checked before anything is allocated. */
export const MAX_FRAME_PIXELS = 100_000_000;

/** Throws E_ARGUMENT unless the frame has bytes, and its sizes are whole, positive, not absurd and match them. */
export function checkFrame(frame: Frame, where: string): void {
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
  if (data.length !== 4 * width * height)
    throw new FourwayError(
      "E_ARGUMENT",
      `${where}: expected ${4 * width * height} RGBA bytes for ${width} x ${height}, got ${data.length}; pass four bytes a pixel, without row padding`,
    );
}
