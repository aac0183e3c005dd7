import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Sample } from "./dataset.js";
import { aspectFault } from "./read.js";

/** Decodes the image that a sample names. @throws FourwayError with E_IMAGE for one that cannot be decoded */
export type ReadImage = (image: string) => Frame | Promise<Frame>;

/**
 * Decodes a sample's image, or gives the error where it cannot be used: E_IMAGE for one that cannot be decoded, E_DATA for one of another shape
 * than its label. The message begins with the label's position. Whatever else `read` throws is thrown.
 */
export async function openPicture(read: ReadImage, sample: Sample): Promise<Frame | FourwayError> {
  const where = sample.source ?? sample.image;
  let frame: Frame;
  try {
    frame = await read(sample.image);
  } catch (error) {
    if (!(error instanceof FourwayError && error.code === "E_IMAGE")) throw error;
    return new FourwayError(error.code, `${where}: ${error.message}`, { cause: error });
  }
  const mismatch = aspectFault(sample, frame);
  return mismatch === null ? frame : new FourwayError("E_DATA", `${where}: ${mismatch}`);
}
