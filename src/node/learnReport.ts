// The report of `fourway learn`: one HTML file that stands alone. What each task gained, what was refused and why, pictures before and after.

import type { Frame } from "../core/frame.js";
import { spread } from "../core/spread.js";
import type { Task } from "../core/task.js";
import type { Sample } from "../data/dataset.js";
import { Detector } from "../detect/detector.js";
import { formatFigure } from "../eval/format.js";
import type { Evaluation, FitReport, Question, TaskEvaluation } from "../learn/index.js";
import type { Model } from "../model/model.js";
import { annotate } from "../report/annotate.js";
import { escapeMarkup } from "../report/plot.js";
import { loadSharp } from "./image.js";
import { htmlPage, tableRow, tableWith, writePage } from "./page.js";
import { thumbnailer } from "./report.js";

/** A frame whose labels contradict what the model surely sees, with what it asks. Boxes in pixels of the sample. */
export interface Asked {
  sample: Sample;
  questions: readonly Question[];
}

/** A frame that a report shows, read when it is needed. */
export interface ShownFrame {
  name: string;
  read(): Promise<Frame>;
}

/** The contents of a report. */
interface LearnReport {
  title: string;
  facts: Record<string, string | number>;
  tasks: readonly Task[];
  evaluation: Evaluation;
  fit: FitReport;
  asked: readonly Asked[];
  before: Model;
  after: Model;
  /** Frames to show, looked at by both models. */
  frames: readonly ShownFrame[];
}

/** Longest side of a picture in the page, in pixels. */
const SIDE = 480;
/** Frames that are shown, at most, and questions. */
const FRAMES = 6;
const QUESTIONS = 24;

/** The heads of `figureCells`. */
export const FIGURE_HEADS = [
  "AP50 before",
  "after",
  "F1 before",
  "after",
  "presence AP before",
  "after",
  "frames",
  "verdict",
  "loss before",
  "after",
  "t",
  "worse",
] as const;

/** A task's figures before and after, what the frames were that they were measured on, and what the guard said and why. */
export function figureCells(task: Task, { before, after, frames, held }: TaskEvaluation, { guard, what }: FitReport): string[] {
  const figures = [before.ap50, after.ap50, before.f1, after.f1, before.presenceAp, after.presenceAp].map(formatFigure);
  const cells = [...figures, `${frames} ${held ? "held back" : "learned"}`];
  const result = guard[task];
  if (!result) return [...cells, what === "thresholds" ? "threshold fitted" : "not taught", "-", "-", "-", "-"];
  const { t, worse, kept } = result;
  const whose = result.by === "teacher" ? ", by a teacher's labels" : "";
  const verdict = kept ? (result.frames > 0 ? `kept${whose}` : "kept, unguarded") : `refused${whose}`;
  return [
    ...cells,
    verdict,
    formatFigure(result.before),
    formatFigure(result.after),
    t === null ? "-" : t.toFixed(1),
    `${worse} of ${result.frames}`,
  ];
}

function figuresTable({ tasks, evaluation, fit }: LearnReport): string {
  const measured = tasks.filter((task) => evaluation[task]);
  return tableWith(
    ["task", ...FIGURE_HEADS],
    measured.map((task) => tableRow(task, figureCells(task, evaluation[task]!, fit))),
  );
}

async function picture(frame: Frame, detector: Detector, title: string): Promise<string> {
  const sharp = await loadSharp();
  const { objects } = detector.detect(frame);
  const drawn = await annotate(frame, objects, { tags: false });
  const jpeg = await sharp(drawn.data, { raw: { width: drawn.width, height: drawn.height, channels: 4 } })
    .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
    .flatten()
    .jpeg({ quality: 78 })
    .toBuffer();
  const tasks = [...new Set(objects.map(({ task }) => task))];
  const found =
    tasks.map((task) => `${objects.filter((object) => object.task === task).length} ${escapeMarkup(task)}`).join(", ") || "nothing";
  return `<figure><img src="data:image/jpeg;base64,${jpeg.toString("base64")}" alt="" loading="lazy"><figcaption><b>${title}</b>, ${found}</figcaption></figure>`;
}

/** Frames as the model saw them before and sees them after, side by side. */
async function comparisons({ frames, before, after }: LearnReport): Promise<string> {
  using first = await Detector.load(before);
  using second = await Detector.load(after);
  const pairs: string[] = [];
  for (const shown of spread(frames, FRAMES)) {
    const name = escapeMarkup(shown.name);
    const frame = await shown.read();
    pairs.push(`${await picture(frame, first, `${name}, before`)}\n${await picture(frame, second, `${name}, after`)}`);
  }
  return `<div class="pairs">${pairs.join("\n")}</div>`;
}

async function questions({ asked }: LearnReport): Promise<string> {
  const all = asked.flatMap(({ sample, questions }) => questions.map((question) => ({ sample, question })));
  if (all.length === 0) return "<p>None.</p>";
  const thumbnail = thumbnailer(all.map(({ sample }) => sample));
  const tiles: string[] = [];
  for (const [i, { sample, question }] of all.slice(0, QUESTIONS).entries()) {
    const { task, score, said, box } = question;
    const image = await thumbnail(i, box, task);
    const name = escapeMarkup(sample.image.split(/[\\/]/).at(-1)!);
    const says = `<b>${escapeMarkup(task)} ${score.toFixed(2)}</b>, labelled as ${escapeMarkup(said)}<br>${name}`;
    tiles.push(`<figure>${image === null ? "" : `<img src="${image}" alt="" loading="lazy">`}<figcaption>${says}</figcaption></figure>`);
  }
  const more = all.length > QUESTIONS ? `<p>And ${all.length - QUESTIONS} more.</p>` : "";
  return `<div class="tiles">${tiles.join("\n")}</div>${more}`;
}

/** Writes the report of a fit. @throws E_RUNTIME where the file cannot be written */
export async function writeLearnReport(path: string, report: LearnReport): Promise<void> {
  const body = `<h2>Figures</h2>${figuresTable(report)}
<p>A task counts only in the frames where it is labelled, and is measured on those held back, which taught nothing; where none are, its figures flatter. F1 is
that of the model's own threshold. A task keeps what it learned only if its loss on the frames held back surely fell, in most of them (t is the mean change
over its standard error); else it is refused, and what it had before stays. Labels that are wrong in the same way there too are not found out.</p>
<h2>Before and after</h2>
${await comparisons(report)}
<h2>Labels that contradict the model</h2>
<p>What the model was sure of and the labels say otherwise. These tasks' labels were not learned from; if they are right, run the same command with --sure.</p>
${await questions(report)}`;
  await writePage(path, htmlPage(report.title, report.facts, body));
}
