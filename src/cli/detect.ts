import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { OperatingPoint } from "../core/operatingPoint.js";
import { printable } from "../core/printable.js";
import type { Chosen } from "../detect/budget.js";
import { type Detection, Detector } from "../detect/detector.js";
import { readView, writeImage } from "../node/image.js";
import { makeFolder } from "../node/safeWrite.js";
import { annotate } from "../report/annotate.js";
import { inputPixels, numberIn, operatingPointOption, rounded } from "./values.js";

/** Options of `fourway detect`. */
interface DetectCommandOptions {
  /** Path or URL of a model; left out: the shipped one. */
  model?: string;
  operatingPoint?: OperatingPoint;
  minScore?: number;
  pixels?: number;
  budgetMs?: number;
  /** A picture's path for one image, else a folder. */
  out?: string;
}

/** Adds `fourway detect IMAGE...` to the program. */
export function addDetect(program: Command): void {
  program
    .command("detect")
    .description("find objects in pictures; prints one JSON line per picture on stdout")
    .argument("<image...>", "JPEG, PNG or WebP files")
    .option("--model <file>", "model to run (default: the shipped one)")
    .addOption(operatingPointOption())
    .option(
      "--min-score <score>",
      "report objects from this score on, 0..1 (default: the thresholds of the operating point)",
      numberIn({ least: 0, most: 1 }),
    )
    .option("--pixels <count>", "of the network's input, about", inputPixels)
    .option(
      "--budget-ms <ms>",
      "in place of --pixels: as many as a picture can be looked at with in so long",
      numberIn({ least: 0.001, most: 1e6 }),
    )
    .option("--out <path>", "write annotated pictures, those of more than 4095 pixels a side smaller: a file for one image, else a folder")
    .action(async (images: string[], options: DetectCommandOptions) => {
      const failed = await runDetect(images, options, console.log, (text) => console.error(printable(text)));
      if (failed > 0) process.exitCode = 1;
    });
}

/**
 * Detects in each image: one JSON line each through `print`, messages through `log`. A picture that cannot be read or written is
 * reported and skipped.
 * @returns how many pictures failed
 * @throws FourwayError where no picture can be processed: a bad model or option
 */
async function runDetect(
  images: readonly string[],
  options: DetectCommandOptions,
  print: (line: string) => void,
  log: (line: string) => void,
): Promise<number> {
  const targets = await annotatedPaths(images, options.out);
  const { pixels, budgetMs, operatingPoint } = options;
  using detector = await Detector.load(options.model, { pixels, budgetMs, operatingPoint });
  if (detector.chosen) log(chosenLine(detector.chosen));
  let failed = 0;
  for (const [index, image] of images.entries())
    try {
      const start = performance.now();
      const picture = await readView(image);
      const { frame } = picture;
      const decode = performance.now() - start;
      const detection = detector.detect(frame, { minScore: options.minScore });
      print(detectionLine(image, picture, detection, decode));
      const target = targets[index];
      if (target === undefined) continue;
      await writeImage(target, await annotate(frame, detection.objects));
      log(`${image}: annotated picture in ${target}`);
    } catch (error) {
      if (!(error instanceof FourwayError)) throw error;
      failed++;
      log(error.message);
    }
  return failed;
}

/** What was chosen for a budget, in words. */
function chosenLine({ budgetMs, pixels, threads, frameMs, isMet }: Chosen): string {
  const kept = isMet ? "" : ", more than the budget: the fewest pixels are used";
  return `detect: ${pixels} pixels and ${threads} ${threads === 1 ? "thread" : "threads"} for ${budgetMs} ms; a frame takes about ${rounded(frameMs, 1)} ms${kept}`;
}

/**
 * The JSON line of one picture: scores to 4 digits, boxes to 0.1 pixel of the file's picture, milliseconds to 0.01.
 * @param decode milliseconds of reading the file
 */
export function detectionLine(
  image: string,
  { frame, width, height }: { frame: Frame; width: number; height: number },
  { presence, objects, ms }: Detection,
  decode: number,
): string {
  const [unitX, unitY] = [width / frame.width, height / frame.height];
  return JSON.stringify({
    image,
    width,
    height,
    presence: Object.fromEntries(Object.entries(presence).map(([task, probability]) => [task, rounded(probability, 4)])),
    objects: objects.map(({ task, score, box, points }) => ({
      task,
      score: rounded(score, 4),
      box: {
        x: rounded(box.x * unitX, 1),
        y: rounded(box.y * unitY, 1),
        width: rounded(box.width * unitX, 1),
        height: rounded(box.height * unitY, 1),
      },
      ...(points ? { points: points.map(({ x, y }) => [rounded(x * unitX, 1), rounded(y * unitY, 1)]) } : {}),
    })),
    ms: Object.fromEntries(Object.entries({ decode, ...ms }).map(([part, time]) => [part, rounded(time, 2)])),
  });
}

/** Where each image's annotated picture goes: `out` itself for one image, unless it is a folder; in a folder names are made unique. */
async function annotatedPaths(images: readonly string[], out: string | undefined): Promise<string[]> {
  if (out === undefined) return [];
  const folder = images.length > 1 || extname(out) === "" || /[\\/]$/.test(out) || (await isFolder(out));
  await makeFolder(folder ? out : dirname(out));
  if (!folder) return [out];
  const taken = new Set<string>();
  return images.map((image) => {
    const stem = basename(image, extname(image));
    let name = `${stem}.annotated.png`;
    for (let n = 2; taken.has(name); n++) name = `${stem}-${n}.annotated.png`;
    taken.add(name);
    return join(out, name);
  });
}

async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => null);
  return info?.isDirectory() ?? false;
}
