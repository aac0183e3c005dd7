import { type Bytes, kindOf, readAddress, readResponse, viewOf } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import type { BlobObject, FetchRequest, FetchResponse, Url } from "../core/globals.js";
import { sha256 } from "../core/sha256.js";
import { loadModel, type Model } from "../model/model.js";

/** A model's file: its bytes, its path or URL, or what a page was given (a chosen file, a request, a response). */
export type ModelSource = Bytes | BlobObject | FetchRequest | FetchResponse | Url | string;

/** The model that the package carries, fourway-m. @throws E_MODEL where its module cannot be had */
export async function shippedModel(): Promise<Uint8Array> {
  try {
    return (await import("../generated/models/fourway-m.js")).default;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new FourwayError(
      "E_MODEL",
      `model: expected the script that holds fourway-m, got "${reason}"; import it from fourway/models/fourway-m and pass it to load, or bundle without code splitting`,
      { cause },
    );
  }
}

/**
 * The bytes of a model's file; behind a path or URL from disk where the runtime has one (Node, Deno, Bun), else fetched.
 * @returns undefined where the value is none of the kinds of `ModelSource`, whatever realm it is of
 * @throws E_MODEL where nothing can be read there
 */
export async function readModelBytes(source: ModelSource): Promise<Uint8Array>;
export async function readModelBytes(source: unknown): Promise<Uint8Array | undefined>;
export async function readModelBytes(source: unknown): Promise<Uint8Array | undefined> {
  const bytes = viewOf(source);
  if (bytes) return bytes;
  const kind = kindOf(source);
  const from = { Response: (source as Response)?.url || "a response", Request: (source as Request)?.url, Blob: "a Blob", File: "a Blob" };
  try {
    if (typeof source === "string") return await readAddress(source);
    if (kind === "URL") return await readAddress(new URL(String(source)));
    if (kind === "Request") return await readResponse(await fetch(source as Request));
    if (kind === "Response") return await readResponse(source as Response);
    if (kind === "Blob" || kind === "File") return new Uint8Array(await (source as Blob).arrayBuffer());
  } catch (cause) {
    const reason = (cause as Error).message;
    const place = from[kind as keyof typeof from] ?? String(source);
    throw new FourwayError("E_MODEL", `model: expected a file at ${place}, got "${reason}"; fix the path or address`, { cause });
  }
  return undefined;
}

/** Throws E_MODEL unless the file's SHA-256 is the one that the caller knows, E_ARGUMENT where that is no digest. */
function checkDigest(file: Uint8Array, expected: string): void {
  if (typeof expected !== "string" || !/^[0-9a-f]{64}$/i.test(expected))
    throw new FourwayError("E_ARGUMENT", `detector: expected sha256 as 64 hexadecimal digits, got ${expected}; take what sha256sum prints`);
  const digest = sha256(file);
  if (digest !== expected.toLowerCase())
    throw new FourwayError("E_MODEL", `model: expected a file with SHA-256 ${expected}, got ${digest}; copy the file again`);
}

/**
 * The model of a source, or the model that it is already.
 * @param digest the file's SHA-256 that the caller knows, if any
 * @throws E_ARGUMENT for another kind of source, and as `readModelBytes`, `checkDigest` and `loadModel`
 */
export async function readModel(model: unknown, digest: string | undefined): Promise<Model> {
  const file = await readModelBytes(model);
  if (file) {
    if (digest !== undefined) checkDigest(file, digest);
    return loadModel(file);
  }
  const ready = model as Partial<Model> | null;
  if (!(ready?.graph?.params && ready.info?.tasks))
    throw new FourwayError(
      "E_ARGUMENT",
      `detector: expected a model as ArrayBuffer, SharedArrayBuffer, typed array, DataView, Blob, Request, Response, URL, path, module of a model or what loadModel returns, got ${kindOf(model)}; pass one of these`,
    );
  if (digest !== undefined)
    throw new FourwayError("E_ARGUMENT", "detector: expected a model's file to compare with sha256, got a model in memory; pass its bytes");
  return ready as Model;
}
