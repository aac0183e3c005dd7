import { InvalidArgumentError, Option } from "commander";
import { DEFAULT_OPERATING_POINT, OPERATING_POINTS } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import { PIXELS } from "../image/letterbox.js";

/** What an option's text must be to be taken. */
interface NumberRange {
  least: number;
  most: number;
  whole?: boolean;
}

/** A parser of an option's number; commander tells the option's name before the message. */
export function numberIn({ least, most, whole = false }: NumberRange): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`Expected a ${whole ? "whole " : ""}number in ${least}..${most}.`);
    return value;
  };
}

/** A parser of how many pixels a network's input is to have, about: one that is trained, and one that only looks. */
export const trainingPixels = numberIn({ least: PIXELS.least, most: PIXELS.mostTrained, whole: true });
export const inputPixels = numberIn({ least: PIXELS.least, most: PIXELS.most, whole: true });

/** The option that chooses a model's thresholds; left out it is undefined. */
export const operatingPointOption = (): Option =>
  new Option(
    "--operating-point <name>",
    `thresholds for few false positives, the best F1 or few misses (default: "${DEFAULT_OPERATING_POINT}")`,
  ).choices(OPERATING_POINTS);

/** Tasks from an option's text, comma separated: letters, digits, "_" and "-", so that rules and the names of maps can hold them. */
export function parseTasks(text: string): Task[] {
  const tasks = text.split(",");
  if (!tasks.every((task, i) => /^[A-Za-z][\w-]*$/.test(task) && tasks.indexOf(task) === i))
    throw new InvalidArgumentError('Expected names of letters, digits, "_" and "-", comma separated, each once.');
  return tasks;
}

/** A parser of an option that takes several values, each parsed by `parse`. */
export function several<T>(parse: (text: string) => T): (text: string, earlier: T[] | undefined) => T[] {
  let own: T[] | undefined; // what commander hands on first is the default
  return (text) => {
    own = [...(own ?? []), parse(text)];
    return own;
  };
}

/** Rounded to so many digits behind the point. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Lines of a table with aligned columns: the first row is the head; columns in `right` are aligned to the right. */
export function tableLines(rows: readonly (readonly string[])[], right: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join("  ");
  return rows.map((row) => line(row).trimEnd());
}
