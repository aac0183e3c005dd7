import { FourwayError } from "../core/errors.js";

/** How many faults of a file the error spells out; the rest are counted. */
export const MAX_FAULTS = 20;

/** Ends the reading of one part of a file with the reason. An empty reason says nothing: it was said where it began. */
export class Fault extends Error {}

/** The faults found in a file, collected so that all are reported at once. */
export class Faults {
  private readonly reported: string[] = [];
  private count = 0;

  add(fault: string): void {
    this.count++;
    if (this.reported.length < MAX_FAULTS) this.reported.push(fault);
  }

  /** Throws one E_ONNX that lists the faults, where there are any. */
  throwIfAny(): void {
    if (this.count === 0) return;
    const more = this.count > this.reported.length ? `; and ${this.count - this.reported.length} more` : "";
    throw new FourwayError(
      "E_ONNX",
      `onnx: expected a whole model made of the ops that Fourway runs, got ${this.count} fault${this.count === 1 ? "" : "s"}: ` +
        `${this.reported.join("; ")}${more}; copy the file again, or export it with these ops alone`,
    );
  }
}

/** A name from a file as messages show it: quoted, without control characters, not long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 57)}...` : name);
}
