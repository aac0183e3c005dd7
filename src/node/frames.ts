import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { FourwayError } from "../core/errors.js";
import type { Frame, YuvFrame } from "../core/frame.js";
import { readView } from "./image.js";
import { readY4m } from "./y4m.js";

const PICTURES = [".jpg", ".jpeg", ".png", ".webp"];

/** Of a frame's name: numbers in it count as numbers. */
const inOrder = new Intl.Collator("en", { numeric: true }).compare;

/**
 * A camera's frames, one at a time: the pictures of a folder in the order of their names, a .y4m file, or for "-" Y4M on stdin.
 * @param onFault called for each picture of a folder that cannot be read, which is then left out; without it such a picture is an error
 * @throws E_ARGUMENT for any other place, such as a video in a format that needs a decoder; E_IMAGE as `readY4m`
 */
export async function* cameraFrames(source: string, onFault?: (fault: string) => void): AsyncGenerator<Frame | YuvFrame> {
  if (source === "-") {
    yield* readY4m(process.stdin, "stdin");
    return;
  }
  const info = await stat(source).catch(() => null);
  if (info?.isFile() && extname(source).toLowerCase() === ".y4m") {
    yield* readY4m(createReadStream(source), source);
    return;
  }
  if (!info?.isDirectory())
    throw new FourwayError(
      "E_ARGUMENT",
      `--adapt: expected a folder of pictures, a .y4m file or - for stdin, got ${info ? source : `${source}, which is not there`}; turn a video into frames: ffmpeg -i VIDEO -r 5 -pix_fmt yuv420p -f yuv4mpegpipe - | fourway learn --adapt - --store DIR`,
    );
  const names = (await readdir(source)).filter((name) => PICTURES.includes(extname(name).toLowerCase())).sort(inOrder);
  if (names.length === 0)
    throw new FourwayError(
      "E_ARGUMENT",
      `--adapt: expected JPEG, PNG or WebP pictures in ${source}, got none; name the folder that holds them`,
    );
  for (const name of names)
    try {
      yield (await readView(join(source, name))).frame;
    } catch (error) {
      if (!(error instanceof FourwayError) || !onFault) throw error;
      onFault(error.message);
    }
}
