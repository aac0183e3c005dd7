import type { Task } from "../../core/task.js";
import { type Interval, interval } from "../../eval/interval.js";
import { linePlot, type Series } from "../../report/plot.js";

/** What one training was worth on val for one task. */
export interface Measured {
  start: string;
  seed: number;
  arm: string;
  condition: string;
  x: number;
  task: Task;
  steps: number;
  ap50: number | null;
  presenceAp: number | null;
}

const METRICS = { ap50: "AP50", presenceAp: "presence AP" } as const;
type Metric = keyof typeof METRICS;

/** The name of the mean over the tasks, in place of a task's. */
const MEAN = "mean";

/** A line of the comparison: one start, condition, task and figure. */
interface Row {
  start: string;
  condition: string;
  x: number;
  task: Task;
  metric: Metric;
  /** By arm. */
  figures: Record<string, Interval>;
  /** The arm minus the reference, paired by seed; for each arm but the reference. */
  gains: Record<string, Interval>;
  steps: Record<string, number>;
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The values of a figure by seed, in their order; of `MEAN` the mean over the tasks. Empty where one is missing. */
function valuesOf(own: readonly Measured[], task: Task, metric: Metric): number[] {
  const tasks = task === MEAN ? unique(own.map((each) => each.task)) : [task];
  const values = unique(own.map(({ seed }) => seed)).map((seed) => {
    const each = tasks.map((wanted) => own.find((one) => one.seed === seed && one.task === wanted)?.[metric] ?? Number.NaN);
    return each.reduce((sum, value) => sum + value, 0) / each.length;
  });
  return values.every(Number.isFinite) ? values : [];
}

/** Compares the arms under each condition, task by task and in the mean. */
export function rowsOf(measured: readonly Measured[], reference: string): Row[] {
  return unique(measured.map(({ start }) => start)).flatMap((start) =>
    unique(measured.map(({ condition }) => condition)).flatMap((condition) => {
      const here = measured.filter((each) => each.start === start && each.condition === condition);
      const arms = unique(here.map(({ arm }) => arm));
      const tasks = unique(here.map(({ task }) => task));
      return [...tasks, ...(tasks.length > 1 ? [MEAN] : [])].flatMap((task) =>
        (Object.keys(METRICS) as Metric[]).flatMap((metric): Row[] => {
          const of = new Map(
            arms
              .map(
                (arm) =>
                  [
                    arm,
                    valuesOf(
                      here.filter((each) => each.arm === arm),
                      task,
                      metric,
                    ),
                  ] as const,
              )
              .filter(([, values]) => values.length > 1),
          );
          if (of.size === 0) return [];
          const base = of.get(reference);
          const others = [...of].filter(([arm]) => base && arm !== reference);
          return [
            {
              start,
              condition,
              x: here[0]!.x,
              task,
              metric,
              figures: Object.fromEntries([...of].map(([arm, values]) => [arm, interval(values)])),
              gains: Object.fromEntries(others.map(([arm, values]) => [arm, interval(values.map((value, i) => value - base![i]!))])),
              steps: Object.fromEntries(
                arms.map((arm) => [arm, Math.max(...here.filter((each) => each.arm === arm).map(({ steps }) => steps))]),
              ),
            },
          ];
        }),
      );
    }),
  );
}

/** The rows as a table of Markdown. A gain is open where its interval holds 0. */
export function tableOf(rows: readonly Row[], title: string): string {
  const shown = (value: Interval | undefined): string => (value ? `${value.mean.toFixed(3)} ± ${value.half.toFixed(3)}` : "");
  const gain = (value: Interval | undefined): string =>
    value ? `${shown(value)} ${Math.abs(value.mean) <= value.half ? "open" : value.mean > 0 ? "better" : "worse"}` : "";
  const arms = unique(rows.flatMap(({ figures }) => Object.keys(figures)));
  const compared = arms.filter((arm) => rows.some(({ gains }) => gains[arm]));
  const head = ["start", "condition", "task", "figure", ...arms, ...compared.map((arm) => `gain of ${arm}`)];
  const lines = rows.map(({ start, condition, task, metric, figures, gains }) => [
    start,
    condition,
    task,
    METRICS[metric],
    ...arms.map((arm) => shown(figures[arm])),
    ...compared.map((arm) => gain(gains[arm])),
  ]);
  const steps = unique(
    rows.map(({ steps }) =>
      Object.entries(steps)
        .map(([arm, count]) => `${arm} ${count}`)
        .join(", "),
    ),
  );
  return [
    `${title}; gains are paired by seed, and open where their interval holds 0. Steps: ${steps.slice(0, 8).join("; ")}${steps.length > 8 ? "; .." : ""}.`,
    "",
    ...[head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`),
    "",
  ].join("\n");
}

const GAP = [Number.NaN, Number.NaN] as const;

/**
 * The plot, a colour an arm and start, a bar for the interval of each point. Over several places: lines of the mean over the tasks. Of one place: the tasks side by side.
 */
export function plotOf(measured: readonly Measured[], { title, xLabel }: { title: string; xLabel: string }): string {
  const metric: Metric = measured.every(({ ap50 }) => ap50 !== null) ? "ap50" : "presenceAp";
  const starts = unique(measured.map(({ start }) => start));
  const places = unique(measured.map(({ x }) => x));
  const tasks = unique(measured.map(({ task }) => task));
  const single = places.length === 1;
  const [least, most] = [Math.min(...places), Math.max(...places)];
  const beside = 0.02 * (most - least); // so that intervals at one place do not cover each other
  const arms = starts.flatMap((start) => unique(measured.map(({ arm }) => arm)).map((arm) => ({ start, arm })));
  const series = arms.map(({ start, arm }, k): Series => {
    const own = measured.filter((each) => each.start === start && each.arm === arm);
    const points = (single ? tasks : places).flatMap((place, i) => {
      const here = own.filter(({ task, x }) => (single ? task : x) === place);
      const values =
        here.length === 0 ? [] : valuesOf(here, unique(here.map(({ task }) => task)).length > 1 ? MEAN : here[0]!.task, metric);
      const x = single ? i + 1 + (0.5 * (k + 0.5)) / arms.length - 0.25 : (here[0]?.x ?? 0) + beside * (k - (arms.length - 1) / 2);
      return values.length > 1 ? [{ x, ...interval(values) }] : [];
    });
    const bars = points.map(({ x, mean, half }) => [x, Math.max(0, mean - half), Math.min(1, mean + half)] as const); // no further than a figure can go
    const line = points.toSorted((one, other) => one.x - other.x).flatMap(({ x, mean }) => [[x, mean] as const, ...(single ? [GAP] : [])]);
    return { name: starts.length > 1 ? `${arm}, ${start}` : arm, points: line, bars, style: "dots" };
  });
  const x = single
    ? { label: tasks.map((task, i) => `${i + 1}: ${task}`).join(", "), from: 0.5, to: tasks.length + 0.5 }
    : { label: xLabel, from: least - 3 * beside, to: most + 3 * beside };
  const y = { label: single ? METRICS[metric] : `${METRICS[metric]}, mean over tasks` };
  return linePlot({ title, x, y, series });
}
