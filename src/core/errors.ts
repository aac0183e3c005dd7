/** What went wrong, for programs; the message says it to people. */
export type ErrorCode =
  | "E_ARGUMENT" // a caller's value is out of range or of the wrong kind
  | "E_SHAPE" // sizes that do not fit together
  | "E_GRAPH" // a graph that cannot be run as asked
  | "E_ONNX" // a model file that cannot be read
  | "E_MODEL" // a model that is readable but not usable for the task at hand
  | "E_IMAGE" // a picture that cannot be decoded or is too large
  | "E_DATA" // labels or data sets
  | "E_TRAIN" // training diverged, or a checkpoint does not fit
  | "E_RUNTIME" // the runtime lacks something that Fourway needs
  | "E_DISPOSED"; // used after dispose()

/** The one error that Fourway throws. The message reads `where: expected A, got B; what to do`. */
export class FourwayError extends Error {
  readonly code: ErrorCode;

  /** An error with its code and message; `options.cause` is the error behind it. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FourwayError";
    this.code = code;
  }
}

/** An error as plain data, to cross from one thread to another. */
export interface ErrorData {
  code?: ErrorCode;
  message: string;
}

/** The error as data. */
export function toErrorData(error: unknown): ErrorData {
  if (error instanceof FourwayError) return { code: error.code, message: error.message };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The data as an error again. */
export function fromErrorData({ code, message }: ErrorData): Error {
  return code ? new FourwayError(code, message) : new Error(message);
}
