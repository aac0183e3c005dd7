import { FourwayError } from "../core/errors.js";
import { inputSize } from "../image/letterbox.js";
import type { Model } from "../model/model.js";
import { macsOf, shapesOf } from "../program/plan.js";

/** Facts of a model file that can be read off it. */
interface ModelFacts {
  sha256: string;
  bytes: number;
  precision: "int8" | "f32";
  parameters: number;
  /** Multiply-accumulates at the default input in 5 : 3 (320 x 192 for 61 440 pixels). */
  macs: number;
  input: { width: number; height: number; pixels: number };
}

/** The facts of a model file. */
async function modelFacts({ graph, info }: Model, file: Uint8Array): Promise<ModelFacts> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", file as Uint8Array<ArrayBuffer>));
  const input = inputSize(5, 3, info.pixels);
  return {
    sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    bytes: file.length,
    precision: graph.scales ? "int8" : "f32",
    parameters: [...graph.params.values()].reduce((sum, { data }) => sum + data.length, 0),
    macs: macsOf(graph, shapesOf(graph, input.height, input.width)).reduce((a, b) => a + b, 0),
    input: { ...input, pixels: info.pixels },
  };
}

/** What a model's file says of tasks, thresholds and calibrations. */
function settingsOf({ info: { tasks, thresholds, scores, presence } }: Model): Record<string, unknown> {
  return { tasks, thresholds, scores, presence };
}

/** What is known of where data and trunks come from, as the `--sources` file of `fourway quantize` says it. */
export interface Sources {
  /** By file name. */
  trunks?: Record<string, string>;
  /** Whose labels they are. */
  labels?: string;
  sets?: Record<string, Record<string, string>>;
}

/** The note of a training. @throws E_MODEL where it is not a JSON object of numbers */
function parsePictures(text: string): Record<string, number> {
  try {
    const counts: unknown = JSON.parse(text);
    if (Object.values(counts as object).every((count) => typeof count === "number")) return counts as Record<string, number>;
  } catch {}
  throw new FourwayError(
    "E_MODEL",
    `card: expected metadata "pictures" to be a number a set, got ${text.slice(0, 80)}; train the model again`,
  );
}

/**
 * The card of a model: its facts, how it was made and what it is worth, as JSON.
 * @param pictures how many pictures of each set it was quantized on; a model that says what it was trained on overrules it
 * @param val figures on the val split, as the card shows them
 * @throws E_MODEL where the model's note of its pictures is damaged
 */
export async function modelCard(
  name: string,
  model: Model,
  file: Uint8Array,
  pictures: Readonly<Record<string, number>>,
  sources: Sources,
  val: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { pictures: trainedOn, ...notes } = model.info.notes;
  const sets = Object.fromEntries(
    Object.entries(trainedOn === undefined ? pictures : parsePictures(trainedOn)).map(([set, count]) => [
      set,
      { pictures: count, ...sources.sets?.[set] },
    ]),
  );
  return {
    name,
    ...(await modelFacts(model, file)),
    ...settingsOf(model),
    training: { ...notes, trunk: sources.trunks?.[notes.start ?? ""], labels: sources.labels, sets },
    val,
  };
}

/**
 * A card of the same network after its thresholds and calibrations were fitted anew.
 * @param card as it was before
 * @param val figures on the val split that replace the card's; its others stay
 */
export async function recalibratedCard(
  card: Record<string, unknown>,
  model: Model,
  file: Uint8Array,
  val: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { thresholdsBy: _, ...known } = (card.val ?? {}) as Record<string, unknown>; // of cards before operating points
  return { ...card, ...(await modelFacts(model, file)), ...settingsOf(model), val: { ...known, ...val } };
}
