// The report of an evaluation: one HTML file that stands alone. Figures, curves and the worst mistakes with their pictures.

import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { Box } from "../core/box.js";
import { FourwayError } from "../core/errors.js";
import type { Frame } from "../core/frame.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import type { Reliability } from "../eval/fitCalibration.js";
import { formatFigure } from "../eval/format.js";
import type { FalsePositive, Miss, Mistakes } from "../eval/mistakes.js";
import type { CurvePoint, F1Point, Scores } from "../eval/scores.js";
import { escapeMarkup, linePlot, type Series } from "../report/plot.js";
import { loadSharp, readView } from "./image.js";
import { htmlPage, tableRow, tableWith, writePage } from "./page.js";

/** The contents of a report. */
export interface Report {
  title: string;
  tasks: readonly Task[];
  samples: readonly Sample[];
  scores: Scores;
  /** Precision and recall of each task, of `precisionRecall`. */
  curves: Record<Task, readonly CurvePoint[]>;
  mistakes: Record<Task, Mistakes>;
  /** How well presence is calibrated, of `reliability`; without it the report has no such plot. */
  reliability?: Record<Task, Reliability>;
  /** Facts about the model, shown under the title: its name, size, sha256 and the like. */
  model?: Record<string, string | number>;
}

/** Makes a picture's `src` (a data: URI) of a box in samples[sampleIndex]; null where there is none. */
export type Thumbnails = (sampleIndex: number, box: Box, task: Task) => Promise<string | null>;

/** Longest side of a thumbnail, in pixels. */
const THUMBNAIL = 160;
/** Smallest side of what a thumbnail shows, in pixels of the picture: below, there are only blocks to be seen. */
const MIN_CROP = 48;

/** What a thumbnail shows, in pixels of the picture: a square about the box, twice its longer side, as far as the picture goes. */
function cropAround(box: Box, sample: { width: number; height: number }): Box {
  const side = Math.ceil(Math.max(MIN_CROP, 2 * Math.max(box.width, box.height)));
  const width = Math.min(side, sample.width);
  const height = Math.min(side, sample.height);
  const x = Math.max(0, Math.min(sample.width - width, Math.round(box.x + box.width / 2 - width / 2)));
  const y = Math.max(0, Math.min(sample.height - height, Math.round(box.y + box.height / 2 - height / 2)));
  return { x, y, width, height };
}

/** SVG of the box (solid), the task's labelled boxes (dashed) and its ignored regions (dotted), in pixels of the picture. */
function outlines(sample: Sample, box: Box, task: Task | null, crop: Box): string {
  const unit = Math.max(crop.width, crop.height) / THUMBNAIL;
  const label = task === null ? null : sample.labels[task];
  const ignored = task === null ? [] : (sample.ignore[task] ?? []);
  const rectangle = (b: Box, colour: string, dash: readonly number[]): string => {
    const place = `x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" fill="none"`;
    const dashes = dash.length === 0 ? "" : ` stroke-dasharray="${dash.map((length) => length * unit).join(" ")}"`;
    return `<rect ${place} stroke="#000" stroke-opacity=".55" stroke-width="${4 * unit}"/><rect ${place} stroke="${colour}" stroke-width="${2 * unit}"${dashes}/>`;
  };
  return [
    ...ignored.map((b) => rectangle(b, "#bbb", [2, 3])),
    ...(Array.isArray(label) ? label : []).map((b) => rectangle(b, "#5cf08a", [6, 4])),
    rectangle(box, "#ff4d6d", []),
  ].join("");
}

/**
 * Thumbnails as data: URIs: the picture about the box as JPEG, its longer side 160 pixels, the box drawn solid, the task's
 * labelled boxes dashed. Answers null where the picture cannot be read or sharp is not installed.
 */
export function thumbnailer(samples: readonly Sample[]): Thumbnails {
  return async (sampleIndex, box, task) => {
    const sample = samples[sampleIndex];
    if (sample === undefined) return null;
    try {
      const sharp = await loadSharp();
      const { frame } = await readView(sample.image);
      const crop = cropAround(box, sample);
      const scale = THUMBNAIL / Math.max(crop.width, crop.height);
      const width = Math.max(1, Math.round(crop.width * scale));
      const height = Math.max(1, Math.round(crop.height * scale));
      const view = `width="${width}" height="${height}" viewBox="${crop.x} ${crop.y} ${crop.width} ${crop.height}" preserveAspectRatio="none"`;
      const drawing = `<svg xmlns="http://www.w3.org/2000/svg" ${view}>${outlines(sample, box, task, crop)}</svg>`;
      const jpeg = await sharp(frame.data, { raw: { width: frame.width, height: frame.height, channels: 4 } })
        .extract(inFrame(crop, sample, frame))
        .resize(width, height, { fit: "fill" })
        .composite([{ input: Buffer.from(drawing) }])
        .flatten()
        .jpeg({ quality: 78 })
        .toBuffer();
      return `data:image/jpeg;base64,${jpeg.toString("base64")}`;
    } catch (error) {
      if (error instanceof FourwayError && (error.code === "E_IMAGE" || error.code === "E_RUNTIME")) return null;
      throw error;
    }
  };
}

/** A crop of a sample in whole pixels of its frame, which may be of another size. */
function inFrame(crop: Box, sample: Sample, frame: Frame): { left: number; top: number; width: number; height: number } {
  const [unitX, unitY] = [frame.width / sample.width, frame.height / sample.height];
  const left = Math.min(frame.width - 1, Math.round(crop.x * unitX));
  const top = Math.min(frame.height - 1, Math.round(crop.y * unitY));
  const width = Math.max(1, Math.min(frame.width - left, Math.round(crop.width * unitX)));
  const height = Math.max(1, Math.min(frame.height - top, Math.round(crop.height * unitY)));
  return { left, top, width, height };
}

/** The picture about the box by reference to its file: the browser crops. */
function reference(sample: Sample, box: Box, task: Task, folder: string): string {
  const path = relative(folder, resolve(sample.image));
  const href = isAbsolute(path) ? pathToFileURL(path).href : path.split(sep).map(encodeURIComponent).join("/");
  const crop = cropAround(box, sample);
  const image = `<image href="${escapeMarkup(href)}" width="${sample.width}" height="${sample.height}"/>`;
  return `<svg viewBox="${crop.x} ${crop.y} ${crop.width} ${crop.height}" role="img">${image}${outlines(sample, box, task, crop)}</svg>`;
}

/** One mistake as a figure. */
async function tile(
  report: Report,
  task: Task,
  mistake: FalsePositive | Miss,
  folder: string,
  thumbnails: Thumbnails | null,
): Promise<string> {
  const { picture, box } = mistake;
  const sample = report.samples[picture]!;
  const uri = (await thumbnails?.(picture, box, task)) ?? null;
  const shown = uri === null ? reference(sample, box, task, folder) : `<img src="${escapeMarkup(uri)}" alt="" loading="lazy">`;
  const size = `${Math.round(box.width)}\u00d7${Math.round(box.height)} px`;
  const says =
    "overlap" in mistake
      ? `<b>score ${formatFigure(mistake.score)}</b>, overlap ${mistake.overlap.toFixed(2)}, ${size}`
      : `<b>${mistake.score === null ? "not found" : `score only ${formatFigure(mistake.score)}`}</b>, ${size}`;
  const name = `${sample.set}/${sample.image.split(/[\\/]/).at(-1)}`;
  return `<figure>${shown}<figcaption>${says}<br>${escapeMarkup(name)}</figcaption></figure>`;
}

/** The table of figures. */
function figuresTable({ scores, reliability }: Report): string {
  const heads = [
    "AP50",
    "AP75",
    "AP",
    "presence AP",
    "calibration error",
    "best F1",
    "at score",
    `recall at precision ${scores.precision}`,
    "at score",
  ];
  const counts = ["boxes", "pictures", "with the task", "without"];
  const chosen = (point: F1Point | null, what: "f1" | "recall") => [point?.[what] ?? null, point?.threshold ?? null];
  const rows = scores.tasks.map(
    ({ task, ap50, ap75, ap, presenceAp, bestF1, atPrecision, counts: { boxes, pictures, positives, negatives } }) => {
      const figures = [
        ap50,
        ap75,
        ap,
        presenceAp,
        reliability?.[task]?.error ?? null,
        ...chosen(bestF1, "f1"),
        ...chosen(atPrecision, "recall"),
      ];
      return tableRow(task, [...figures.map(formatFigure), ...[boxes, pictures, positives, negatives].map(String)]);
    },
  );
  const { ap50, ap75, ap, presenceAp } = scores.mean;
  const means = [ap50, ap75, ap, presenceAp];
  const empty = Array.from({ length: heads.length + counts.length - means.length }, () => "");
  const mean = tableRow("mean", [...means.map(formatFigure), ...empty], "mean");
  return tableWith(["task", ...heads, ...counts], [...rows, mean]);
}

/** The precision-recall plot and, where presence was checked, the reliability plot. */
function plots({ tasks, scores, curves, reliability }: Report): string {
  const unit = { from: 0, to: 1 };
  const precisionRecall = tasks.map((task): Series => {
    const best = scores.tasks.find((score) => score.task === task)?.bestF1;
    return {
      name: task,
      points: (curves[task] ?? []).map(({ recall, precision }) => [recall, precision]),
      rings: best ? [[best.recall, best.precision]] : [],
    };
  });
  const parts = [
    linePlot({
      title: "Precision and recall at IoU .5",
      x: { label: "recall", ...unit },
      y: { label: "precision", ...unit },
      series: precisionRecall,
    }),
  ];
  if (reliability !== undefined) {
    const series = tasks.map((task): Series => {
      const bins = reliability[task]?.bins ?? [];
      return {
        name: task,
        style: "dots",
        points: bins.flatMap(({ predicted, observed }) =>
          predicted === null || observed === null ? [] : [[predicted, observed] as const],
        ),
      };
    });
    const perfect: Series = {
      name: "perfect",
      style: "reference",
      points: [
        [0, 0],
        [1, 1],
      ],
    };
    const axes = { x: { label: "predicted probability", ...unit }, y: { label: "share that have it", ...unit } };
    parts.push(linePlot({ title: "Reliability of presence", ...axes, series: [...series, perfect] }));
  }
  return `<div class="plots">${parts.join("\n")}</div>`;
}

/** The mistakes of one task. */
async function mistakesOf(report: Report, task: Task, folder: string, thumbnails: Thumbnails | null): Promise<string> {
  const { falsePositives, misses } = report.mistakes[task] ?? { falsePositives: [], misses: [] };
  const grid = async (title: string, none: string, list: readonly (FalsePositive | Miss)[]): Promise<string> => {
    const tiles: string[] = [];
    for (const mistake of list) tiles.push(await tile(report, task, mistake, folder, thumbnails)); // one decoded picture at a time
    return `<h3>${title}</h3>${tiles.length === 0 ? `<p>${none}</p>` : `<div class="tiles">${tiles.join("\n")}</div>`}`;
  };
  const wrong = await grid("Surest false positives", "None.", falsePositives);
  const missed = await grid("Largest misses", "None.", misses);
  return `<section><h2>${escapeMarkup(task)}</h2>${wrong}${missed}</section>`;
}

/**
 * Writes the report as one HTML file: figures per task and their mean, precision-recall curves (the ring is the best F1),
 * reliability, and the worst false positives and misses. No script, nothing loaded from elsewhere; light and dark by the
 * reader's preference. The folder is made if it is missing; the file appears whole or not at all.
 * @param thumbnails makes the pictures that are embedded; where it answers null, or is null itself, the report refers to the
 *   picture's file by a path relative to its own.
 * @throws E_RUNTIME where the file cannot be written, and what `thumbnails` throws
 */
export async function writeReport(path: string, report: Report, thumbnails: Thumbnails | null): Promise<void> {
  const folder = dirname(resolve(path));
  const sections: string[] = [];
  for (const task of report.tasks) sections.push(await mistakesOf(report, task, folder, thumbnails));
  const body = `<h2>Figures</h2>${figuresTable(report)}
<p>A task counts only in the pictures where it is labelled. AP50 and AP follow COCO's rules; presence AP is the average precision
of one probability a picture. A dash: nothing to score.</p>
${plots(report)}
<p>The ring is the threshold with the best F1. In the pictures below the mistake is drawn solid and what is labelled dashed;
the overlap (IoU) is that with the nearest labelled box: over .5 it was found twice, at 0 there is none.</p>
${sections.join("\n")}`;
  await writePage(path, htmlPage(report.title, report.model ?? {}, body));
}
