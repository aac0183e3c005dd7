import type { F1Point, Scores } from "./scores.js";

/** A figure of 0..1 with three digits; "-" where there is nothing to score. */
export function formatFigure(value: number | null): string {
  return value === null ? "-" : value.toFixed(3);
}

/** Column heads and rows as lines: the first column to the left, the others to the right, two spaces between. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The scores as a table of plain text, a task a line and the mean under it; no colours, no line end after the last line. */
export function formatScores(scores: Scores): string {
  const wanted = `R at P>=${scores.precision}`;
  const rows = [["task", "AP50", "AP75", "AP", "presence AP", "best F1", "at score", wanted, "at score", "boxes", "pictures", "with it"]];
  for (const { task, ap50, ap75, ap, presenceAp, bestF1, atPrecision, counts } of scores.tasks)
    rows.push([
      task,
      ...[ap50, ap75, ap, presenceAp, bestF1?.f1 ?? null, bestF1?.threshold ?? null].map(formatFigure),
      ...[atPrecision?.recall ?? null, atPrecision?.threshold ?? null].map(formatFigure),
      ...[counts.boxes, counts.pictures, counts.positives].map(String),
    ]);
  const { ap50, ap75, ap, presenceAp } = scores.mean;
  rows.push(["mean", ...[ap50, ap75, ap, presenceAp].map(formatFigure), "", "", "", "", "", "", ""]);
  const points = scores.tasks.flatMap(({ task, points }) =>
    points ? [`points of ${task}: error ${formatFigure(points.error)} of the object's size, in ${points.found} of ${points.objects}`] : [],
  );
  return [alignColumns(rows), ...points].join("\n");
}

/** Rounded to four digits, so that files stay small and differ only where the figure does. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1e4) / 1e4;
}

function roundedPoint(point: F1Point | null): Record<string, number | null> | null {
  if (point === null) return null;
  return {
    threshold: rounded(point.threshold),
    precision: rounded(point.precision),
    recall: rounded(point.recall),
    f1: rounded(point.f1),
  };
}

/** The scores as plain data for JSON.stringify: `{ mean, tasks: { NAME: {...} }, precision }`, figures to four digits. */
export function scoresToJson(scores: Scores): Record<string, unknown> {
  const { ap50, ap75, ap, presenceAp } = scores.mean;
  return {
    mean: { ap50: rounded(ap50), ap75: rounded(ap75), ap: rounded(ap), presenceAp: rounded(presenceAp) },
    tasks: Object.fromEntries(
      scores.tasks.map((score) => [
        score.task,
        {
          ap50: rounded(score.ap50),
          ap75: rounded(score.ap75),
          ap: rounded(score.ap),
          presenceAp: rounded(score.presenceAp),
          bestF1: roundedPoint(score.bestF1),
          atPrecision: roundedPoint(score.atPrecision),
          counts: { ...score.counts },
          ...(score.points ? { points: { ...score.points, error: rounded(score.points.error) } } : {}),
        },
      ]),
    ),
    precision: scores.precision,
  };
}
