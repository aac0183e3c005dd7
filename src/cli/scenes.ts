import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import type { Sample } from "../data/dataset.js";
import { formatNative } from "../data/formats/native.js";
import { writeImage } from "../node/image.js";
import { checkWritable, safeWrite } from "../node/safeWrite.js";
import { checkSceneArguments, drawScene } from "../scenes/scene.js";
import { numberIn } from "./values.js";

/** Adds `fourway scenes --count N --out DIR` to the program. */
export function addScenes(program: Command): void {
  const side = numberIn({ least: 64, most: 4096, whole: true });
  program
    .command("scenes")
    .description("draw labelled street scenes, the same ones for the same seed; continues where it was interrupted")
    .requiredOption("--count <number>", "how many", numberIn({ least: 1, most: 1_000_000, whole: true }))
    .requiredOption("--out <folder>", "folder that becomes the set: images/ and labels.jsonl")
    .option("--seed <number>", "of the series", numberIn({ least: 0, most: 0xffffffff, whole: true }), 1)
    .option("--width <pixels>", "of a scene", side, 480)
    .option("--height <pixels>", "of a scene", side, 320)
    .option("--val-share <part>", "share of the scenes in the val split", numberIn({ least: 0, most: 1 }), 0.12)
    .action((options: ScenesOptions) => runScenes(options, console.error));
}

/** Options of `fourway scenes`. */
interface ScenesOptions {
  /** How many scenes, 1..1000000. */
  count: number;
  /** Folder that becomes the set: images/ and labels.jsonl. */
  out: string;
  /** 0..4294967295. */
  seed: number;
  /** Pixels, 64..4096. */
  width: number;
  height: number;
  /** Share of the scenes in "val", 0..1, spread evenly; default 0.12. */
  valShare?: number;
}

/** The name contains seed, number and size, so that a picture of other settings is never reused. */
function pictureName({ seed, width, height }: ScenesOptions, index: number): string {
  return `scene-${seed}-${width}x${height}-${String(index).padStart(6, "0")}.jpg`;
}

/**
 * Draws a set of street scenes: `images/*.jpg` and `labels.jsonl` in the native format. Pictures that are there already are
 * kept, so an interrupted run continues where it stopped; the labels are written last, at once.
 * @param log receives lines of progress.
 * @throws E_ARGUMENT for numbers out of range, E_DATA where the folder cannot be written or holds the labels of another set.
 */
export async function runScenes(options: ScenesOptions, log: (line: string) => void): Promise<void> {
  const { count, out, seed, width, height, valShare = 0.12 } = options;
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000)
    throw new FourwayError("E_ARGUMENT", `scenes: expected --count to be a whole number in 1..1000000, got ${count}; choose another`);
  if (!(valShare >= 0 && valShare <= 1))
    throw new FourwayError("E_ARGUMENT", `scenes: expected the share for validation to be in 0..1, got ${valShare}; choose another`);
  if (out === "") throw new FourwayError("E_ARGUMENT", "scenes: expected a folder for --out, got an empty name; name one");
  checkSceneArguments(seed, 0, width, height);

  const images = join(out, "images");
  const present = new Set(await prepare(out, images));
  const labels = join(out, "labels.jsonl");
  await checkWritable(labels);
  const samples: Sample[] = [];
  const started = performance.now();
  let [logged, drawn] = [started, 0];
  for (let index = 0; index < count; index++) {
    const name = pictureName(options, index);
    // Drawn again even where the picture is kept: its labels come from the drawing.
    const scene = drawScene(seed, index, { width, height });
    if (!present.has(name)) {
      await writeImage(join(images, name), scene.frame, { quality: 88 });
      drawn++;
    }
    samples.push({
      image: join(images, name),
      width,
      height,
      split: Math.floor((index + 1) * valShare) > Math.floor(index * valShare) ? "val" : "train",
      group: `scene-${seed}-${index}`,
      set: "scenes",
      labels: scene.labels,
      ignore: scene.ignore,
    });
    const now = performance.now();
    if (now - logged > 2000) {
      logged = now;
      const rate = (index + 1) / ((now - started) / 1000);
      log(`scenes: ${index + 1} of ${count}, ${rate.toFixed(1)} a second, ${Math.ceil((count - index - 1) / rate)} s left`);
    }
  }
  await safeWrite(labels, formatNative(samples, out));
  const val = samples.filter((sample) => sample.split === "val").length;
  log(`scenes: ${count} in ${out} (${drawn} drawn now, ${count - drawn} kept), ${count - val} train, ${val} val`);
}

/** Makes the folders, deletes half-written pictures, and lists the complete ones. */
async function prepare(out: string, images: string): Promise<string[]> {
  try {
    await mkdir(images, { recursive: true });
    const names = await readdir(images);
    for (const name of names) if (name.startsWith("scene-") && name.endsWith(".part")) await rm(join(images, name));
    return names;
  } catch (cause) {
    throw new FourwayError("E_DATA", `scenes: expected to write into "${out}", got ${(cause as Error).message}; choose another folder`, {
      cause,
    });
  }
}
