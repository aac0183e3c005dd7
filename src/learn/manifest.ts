// The record of a store: which blob each key has. Text: the SHA-256 of the rest, a line break, JSON.

import { FourwayError } from "../core/errors.js";
import { sha256 } from "../core/sha256.js";

/** A blob by its digest and length. */
export interface BlobReference {
  sha256: string;
  bytes: number;
}

/** All keys of a store at one time. */
export interface Manifest {
  /** How many writes came before. */
  generation: number;
  blobs: ReadonlyMap<string, BlobReference>;
}

const FORMAT = "fourway.store.1";

/** The record as a file. */
export function encodeManifest({ generation, blobs }: Manifest): Uint8Array {
  const entries = [...blobs].map(([key, { sha256, bytes }]) => [key, sha256, bytes]);
  const encoder = new TextEncoder();
  const json = JSON.stringify({ format: FORMAT, generation, blobs: entries });
  return encoder.encode(`${sha256(encoder.encode(json))}\n${json}`);
}

/**
 * The record in a file; undefined where the file is not whole.
 * @throws E_DATA where it is whole, but of a format that this version of Fourway does not know
 */
export function parseManifest(file: Uint8Array, where: string): Manifest | undefined {
  const end = file.indexOf(0x0a);
  const json = file.subarray(end + 1);
  if (end < 0 || new TextDecoder().decode(file.subarray(0, end)) !== sha256(json)) return undefined;
  const { format, generation, blobs } = JSON.parse(new TextDecoder().decode(json)) as {
    format: string;
    generation: number;
    blobs: [string, string, number][];
  };
  if (format !== FORMAT)
    throw new FourwayError(
      "E_DATA",
      `${where}: expected a store of format ${FORMAT}, got ${format}; open it with the version that wrote it`,
    );
  return { generation, blobs: new Map(blobs.map(([key, digest, bytes]) => [key, { sha256: digest, bytes }])) };
}
