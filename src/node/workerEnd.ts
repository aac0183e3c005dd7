import { FourwayError } from "../core/errors.js";

/** The error of a worker thread that ended while it was needed, such as one that was killed. @param code of its exit */
export function endedEarly(what: string, code: number): FourwayError {
  return new FourwayError(
    "E_RUNTIME",
    `${what}: expected it to run to the end, got exit code ${code}; see that there is enough memory, then go on from the checkpoint`,
  );
}
