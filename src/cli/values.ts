import { InvalidArgumentError, Option } from "commander";
import { DEFAULT_OPERATING_POINT, OPERATING_POINTS } from "../core/operatingPoint.js";
import type { Task } from "../core/task.js";
import { splitFault } from "../data/read.js";
import { PIXELS } from "../image/letterbox.js";

/** The range of numbers that an option accepts. */
interface NumberRange {
  least: number;
  most: number;
  whole?: boolean;
}

/** A parser of an option's number; commander puts the option's name before the message. */
export function numberIn({ least, most, whole = false }: NumberRange): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`Expected a ${whole ? "whole " : ""}number in ${least}..${most}.`);
    return value;
  };
}

/** A parser of how many pixels a network's input is to have, about: for training, and for inference only. */
export const trainingPixels = numberIn({ least: PIXELS.least, most: PIXELS.mostTrained, whole: true });
export const inputPixels = numberIn({ least: PIXELS.least, most: PIXELS.most, whole: true });

/** The option that chooses a model's thresholds; left out it is undefined. */
export const operatingPointOption = (): Option =>
  new Option(
    "--operating-point <name>",
    `thresholds for few false positives, the best F1 or few misses (default: "${DEFAULT_OPERATING_POINT}")`,
  ).choices(OPERATING_POINTS);

/** Tasks from an option's text, comma separated: letters, digits, "_" and "-", which rules and names of maps can contain. */
export function parseTasks(text: string): Task[] {
  const tasks = text.split(",");
  if (!tasks.every((task, i) => /^[A-Za-z][\w-]*$/.test(task) && tasks.indexOf(task) === i))
    throw new InvalidArgumentError('Expected names of letters, digits, "_" and "-", comma separated, each once.');
  return tasks;
}

/** The name of a split from an option's text. */
export function parseSplit(text: string): string {
  const fault = splitFault(text);
  if (fault !== null) throw new InvalidArgumentError(`${fault[0]!.toUpperCase()}${fault.slice(1)}.`);
  return text;
}

/** A parser of an option that takes several values, each parsed by `parse`. */
export function several<T>(parse: (text: string) => T): (text: string, earlier: T[] | undefined) => T[] {
  let own: T[] | undefined; // commander first passes the default
  return (text) => {
    own = [...(own ?? []), parse(text)];
    return own;
  };
}

/** Rounded to this many decimal places. */
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
