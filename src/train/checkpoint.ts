import { FourwayError } from "../core/errors.js";

/** The state of a training that can be resumed: its options, its last step, the graph and the replicas' state. */
export interface Checkpoint {
  /** The options it was started with; a resumed run must have the same. */
  options: Record<string, unknown>;
  step: number;
  /** Mean loss per task of the epoch so far; checkpoints of 0.2.0 have none. */
  losses?: readonly number[];
  /** The unfolded graph as ONNX. */
  onnx: Uint8Array;
  state: Float32Array;
}

const MAGIC = "fourway.checkpoint.1\n";
const HASH = 32;

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** Encodes a checkpoint as bytes: magic, sha256 of the rest, lengths, JSON, ONNX, floats. */
export async function encodeCheckpoint({ options, step, losses, onnx, state }: Checkpoint): Promise<Uint8Array> {
  const header = new TextEncoder().encode(JSON.stringify({ options, step, losses }));
  const magic = new TextEncoder().encode(MAGIC);
  const rest = new Uint8Array(12 + header.length + onnx.length + 4 * state.length);
  new Uint32Array(rest.buffer, 0, 3).set([header.length, onnx.length, state.length]);
  rest.set(header, 12);
  rest.set(onnx, 12 + header.length);
  rest.set(new Uint8Array(state.buffer, state.byteOffset, 4 * state.length), 12 + header.length + onnx.length);
  const all = new Uint8Array(magic.length + HASH + rest.length);
  all.set(magic);
  all.set(await sha256(rest), magic.length);
  all.set(rest, magic.length + HASH);
  return all;
}

/**
 * Decodes what `encodeCheckpoint` wrote.
 * @param where the name of the file, for messages
 * @throws E_TRAIN where the bytes are no checkpoint, cut short or damaged
 */
export async function decodeCheckpoint(bytes: Uint8Array, where: string): Promise<Checkpoint> {
  const magic = new TextEncoder().encode(MAGIC);
  const bad = (got: string): FourwayError =>
    new FourwayError("E_TRAIN", `${where}: expected a whole checkpoint, got ${got}; start again without resume`);
  if (bytes.length < magic.length + HASH + 12 || !magic.every((byte, i) => bytes[i] === byte)) throw bad("another file");
  const rest = new Uint8Array(bytes.subarray(magic.length + HASH)); // a copy: a Buffer's slice would be a view, somewhere in its memory
  const hash = await sha256(rest);
  if (!hash.every((byte, i) => bytes[magic.length + i] === byte)) throw bad("a damaged one");
  const [header, onnx, floats] = new Uint32Array(rest.buffer, 0, 3);
  const known = JSON.parse(new TextDecoder().decode(rest.subarray(12, 12 + header!))) as Pick<Checkpoint, "options" | "step" | "losses">;
  const at = 12 + header! + onnx!;
  return { ...known, onnx: rest.slice(12 + header!, at), state: new Float32Array(rest.slice(at, at + 4 * floats!).buffer) };
}
