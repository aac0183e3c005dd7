import type { Task } from "../../core/task.js";
import { formatFigure } from "../../eval/format.js";
import type { FitOptions } from "../../learn/index.js";
import { linePlot } from "../../report/plot.js";

// What the runs of `fourway experiment learn` came to: a table, and a plot.

/** What learns, as `fit` takes it. */
export type What = NonNullable<FitOptions["what"]>;

/** What a model is worth for a task; null where there is nothing to score. */
interface Figures {
  ap50: number | null;
  f1: number | null;
}

/** The same, a task each. */
export type TaskFigures = Record<Task, Figures>;

/** One fit on some frames of one site. */
export interface LearnRun {
  site: string;
  frames: number;
  /** What was asked to learn, and what of it fitted into memory. */
  what: What;
  planned: What;
  seed: number;
  /** On the site's own later frames, of tasks that were taught. */
  before: TaskFigures;
  after: TaskFigures;
  /** On the later frames of the other sites that teach one of its tasks. */
  others: Record<string, TaskFigures>;
  /** On --data, all tasks. */
  dataBefore: TaskFigures;
  dataAfter: TaskFigures;
  refused: readonly Task[];
  /** Of adding and learning. */
  cpuSeconds: number;
  /** Of the kernels and with features, as planned. */
  wasmBytes: number;
  totalBytes: number;
  runtime: string;
}

/** Mean of the numbers that are there; null without any. */
function mean(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null);
  return there.length === 0 ? null : there.reduce((sum, value) => sum + value, 0) / there.length;
}

/** The mean of a run's figure over the tasks that have it before. */
const ofRun = (figures: TaskFigures, before: TaskFigures, metric: keyof Figures): number | null =>
  mean(Object.keys(before).map((task) => (before[task]![metric] === null ? null : (figures[task]![metric] ?? 0))));

/** Runs of one kind together: by what learned and how many frames, and by site with it. */
function grouped(runs: readonly LearnRun[], keyOf: (run: LearnRun) => string[]): { key: string[]; runs: LearnRun[] }[] {
  const groups = new Map<string, { key: string[]; runs: LearnRun[] }>();
  for (const run of runs) {
    const key = keyOf(run);
    const group = groups.get(key.join("|")) ?? { key, runs: [] };
    group.runs.push(run);
    groups.set(key.join("|"), group);
  }
  return [...groups.values()];
}

/** AP50 of a task after it was learned at a site, less before there. */
function gainOf(run: LearnRun, figures: TaskFigures, task: Task): number | null {
  const [from, to] = [run.before[task]!.ap50, figures[task]!.ap50];
  return from === null || to === null ? null : to - from;
}

/**
 * What a run's tasks gain at its site, and what they gain there from runs of the same kind at other sites: those tasks alone whose objects others see too.
 * What such cameras have in common is in both.
 */
function ownAndOthers(run: LearnRun, runs: readonly LearnRun[]): { own: number | null; others: number | null } {
  const alike = runs.filter(
    ({ site, what, frames, seed }) => site !== run.site && what === run.what && frames === run.frames && seed === run.seed,
  );
  const pairs = Object.keys(run.before).flatMap((task) => {
    const own = gainOf(run, run.after, task);
    const others = mean(
      alike.map((other) => ((other.before[task]?.ap50 ?? null) !== null ? gainOf(run, other.others[run.site]!, task) : null)),
    );
    return own === null || others === null ? [] : [{ own, others }];
  });
  return { own: mean(pairs.map(({ own }) => own)), others: mean(pairs.map(({ others }) => others)) };
}

/** What learned, and what of it where that did not fit into memory. */
const nameOf = ({ what, planned }: LearnRun): string => (what === planned ? what : `${what}, of which ${planned} fitted`);

/** The runs as Markdown tables: by what learned and how many frames, then by site too. @param tasks of the model */
export function learnTable(runs: readonly LearnRun[], tasks: readonly Task[]): string {
  const signed = (value: number | null): string => (value === null ? "-" : `${value < 0 ? "" : "+"}${value.toFixed(3)}`);
  const change = (run: LearnRun, task: Task): number | null => {
    const [from, to] = [run.dataBefore[task]?.ap50 ?? null, run.dataAfter[task]?.ap50 ?? null];
    return from === null || to === null ? null : to - from;
  };
  const cells = (group: readonly LearnRun[]): string[] => [
    ...(["ap50", "f1"] as const).flatMap((metric) => {
      const [before, after] = [
        mean(group.map((run) => ofRun(run.before, run.before, metric))),
        mean(group.map((run) => ofRun(run.after, run.before, metric))),
      ];
      return [formatFigure(before), formatFigure(after)];
    }),
    ...(["own", "others"] as const).map((whose) => signed(mean(group.map((run) => ownAndOthers(run, runs)[whose])))),
    ...tasks.map((task) => signed(mean(group.map((run) => change(run, task))))),
    signed(Math.min(...group.flatMap((run) => tasks.map((task) => change(run, task) ?? 0)))),
    String(group.reduce((sum, { refused }) => sum + refused.length, 0)),
    mean(group.map(({ cpuSeconds }) => cpuSeconds))!.toFixed(1),
    (Math.max(...group.map(({ wasmBytes }) => wasmBytes)) / 1e6).toFixed(1),
  ];
  const heads = [
    "AP50 before",
    "after",
    "F1 before",
    "after",
    "own gain",
    "by other sites",
    ...tasks.map((task) => `${task} elsewhere`),
    "worst",
    "refused",
    "CPU s",
    "wasm MB",
  ];
  const lines = (first: string[], keyOf: (run: LearnRun) => string[]): string[] => [
    `| ${[...first, ...heads].join(" | ")} |`,
    `|${"---|".repeat(first.length + heads.length)}`,
    ...grouped(runs, keyOf).map(({ key, runs: group }) => `| ${[...key, ...cells(group)].join(" | ")} |`),
    "",
  ];
  return [
    "Mean over sites, their tasks and seeds; before and after on each site's later frames, F1 at the model's own thresholds. Of tasks whose objects other sites see too: the gain of",
    "AP50 at the site, and what models gain there that learned as much at the others. Elsewhere: change of AP50 on --data, and the worst change of a task in one run.",
    "Refused: tasks, over all runs. CPU seconds of adding and learning; memory of the kernels as planned.",
    "",
    ...lines(["what", "frames"], (run) => [nameOf(run), String(run.frames)]),
    ...lines(["site", "what", "frames"], (run) => [run.site, nameOf(run), String(run.frames)]),
  ].join("\n");
}

/** Gain of AP50 by how many frames were labelled, a line for each of what learned. */
export function learnPlot(unordered: readonly LearnRun[]): string {
  const runs = unordered.toSorted((a, b) => a.frames - b.frames);
  return linePlot({
    title: "What labelled frames of a camera bring",
    x: { label: "labelled frames, log2" },
    y: { label: "mean gain of AP50" },
    series: [...new Set(runs.map(nameOf))].map((name) => ({
      name,
      style: "dots",
      points: grouped(
        runs.filter((run) => nameOf(run) === name),
        ({ frames }) => [String(frames)],
      ).map(({ key, runs: group }) => {
        const gains = group.map((run) => {
          const [from, to] = [ofRun(run.before, run.before, "ap50"), ofRun(run.after, run.before, "ap50")];
          return from === null || to === null ? null : to - from;
        });
        return [Math.log2(Number(key[0])), mean(gains) ?? Number.NaN] as const;
      }),
    })),
  });
}
