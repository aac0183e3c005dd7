/**
 * Where between finding all and being sure a detector works: `precise` keeps a precision of .9 where a model reaches it, `balanced` has the
 * best F1, `sensitive` finds what can be found at a precision of .5.
 */
export type OperatingPoint = "precise" | "balanced" | "sensitive";

/** All of them, from few false positives to few misses. */
export const OPERATING_POINTS: readonly OperatingPoint[] = ["precise", "balanced", "sensitive"];
/** The one that is used where none is asked for. */
export const DEFAULT_OPERATING_POINT: OperatingPoint = "balanced";
