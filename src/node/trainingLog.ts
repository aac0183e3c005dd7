import { readFile } from "node:fs/promises";
import type { Task } from "../core/task.js";
import type { Scores } from "../eval/scores.js";
import { linePlot } from "../report/plot.js";
import type { Progress } from "../train/trainer.js";
import { safeWrite } from "./safeWrite.js";

/** Units of one plot in the picture of a log. */
const PLOT = { width: 480, height: 330 };

/**
 * Adds an epoch to a training's log, replacing what an earlier run, killed before its checkpoint, may have written of it: a line in
 * `path`.csv, and the curves of loss and AP50 per task in `path`.svg.
 * @param helpers auxiliary heads, whose losses follow the tasks'
 * @param scores null where the epoch was not measured
 */
export async function logEpoch(
  path: string,
  tasks: readonly Task[],
  helpers: readonly Task[],
  { epoch, losses }: Progress,
  scores: Scores | null,
): Promise<void> {
  const columns = [
    "epoch",
    ...[...tasks, ...helpers].map((task) => `loss ${task}`),
    ...tasks.flatMap((task) => [`AP50 ${task}`, `AP ${task}`, `presence AP ${task}`]),
  ];
  const before = epoch === 1 ? "" : await readFile(`${path}.csv`, "utf8").catch(() => "");
  const rows = before.split("\n").slice(1);
  const kept = rows.filter((row) => row !== "" && Number.parseInt(row, 10) < epoch);
  const figure = (value: number | null): string => (value === null ? "" : value.toFixed(4));
  const figures = scores
    ? scores.tasks.flatMap(({ ap50, ap, presenceAp }) => [figure(ap50), figure(ap), figure(presenceAp)])
    : tasks.flatMap(() => ["", "", ""]);
  const table = [columns.join(","), ...kept, [epoch, ...losses.map(figure), ...figures].join(",")];
  await safeWrite(`${path}.csv`, `${table.join("\n")}\n`);
  await safeWrite(`${path}.svg`, `${logPlot(table)}\n`);
}

/**
 * Adds a look at the tasks' gradients to a training's log: a line in `path`.csv with the cosine of each pair of tasks and each task's length, and the cosines'
 * curves in `path`.svg. Lines of later steps, which an earlier run has left, go.
 */
export async function logGradients(
  path: string,
  tasks: readonly Task[],
  { step, cosines, lengths }: { step: number; cosines: readonly number[]; lengths: readonly number[] },
): Promise<void> {
  const count = tasks.length;
  const pairs = cosines.flatMap((cosine, i) => (i % count > Math.floor(i / count) ? [{ i, cosine }] : []));
  const names = pairs.map(({ i }) => `${tasks[Math.floor(i / count)]} and ${tasks[i % count]}`);
  const before = await readFile(`${path}.csv`, "utf8").catch(() => "");
  const kept = before
    .split("\n")
    .slice(1)
    .filter((row) => row !== "" && Number.parseInt(row, 10) < step);
  const rows = [
    ...kept,
    [step, ...pairs.map(({ cosine }) => cosine.toFixed(4)), ...lengths.map((length) => length.toPrecision(5))].join(","),
  ];
  await safeWrite(`${path}.csv`, `${[["step", ...names, ...tasks.map((task) => `length ${task}`)].join(","), ...rows].join("\n")}\n`);
  const cells = rows.map((row) => row.split(",").map(Number));
  const series = names.map((name, k) => ({ name, points: cells.map((row) => [row[0]!, row[k + 1]!] as const) }));
  await safeWrite(
    `${path}.svg`,
    `${linePlot({ title: "Cosines between the tasks' gradients of the trunk", x: { label: "step" }, y: { label: "cosine", from: -1, to: 1 }, series })}\n`,
  );
}

/** Two plots over the epochs, one above the other: loss and AP50 on val, a line per task. */
function logPlot([head = "", ...rows]: readonly string[]): string {
  const columns = head.split(",");
  const cells = rows.map((row) => row.split(","));
  const plotOf = (what: string, title: string): string =>
    linePlot({
      title,
      x: { label: "epoch" },
      y: { label: what, from: 0 },
      series: columns.flatMap((column, at) =>
        column.startsWith(`${what} `)
          ? [
              {
                name: column.slice(what.length + 1),
                style: "dots" as const,
                points: cells.flatMap((row) => (row[at] ? [[Number(row[0]), Number(row[at])] as const] : [])),
              },
            ]
          : [],
      ),
    });
  const plots = [plotOf("loss", "Loss on the training pictures"), plotOf("AP50", "AP50 on the validation pictures")];
  const { width, height } = PLOT;
  const placed = plots.map((plot, i) => `<svg y="${i * height}" width="${width}" height="${height}">${plot}</svg>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${plots.length * height}">${placed.join("")}</svg>`;
}
