import { readAddress } from "../core/address.js";
import { FourwayError } from "../core/errors.js";

/**
 * The model that the package ships. A bundler copies it and mends the address.
 * @throws E_MODEL in a script that has no address of its own (a classic script, a blob)
 */
export function shippedModel(): URL {
  try {
    return new URL("../../../models/fourway-s.onnx", import.meta.url);
  } catch (cause) {
    throw new FourwayError(
      "E_MODEL",
      "model: expected a script with an address, got a bundle without one; pass the model's address to load",
      {
        cause,
      },
    );
  }
}

/**
 * The bytes of a model behind a path or URL: from disk where the runtime has one (Node, Deno, Bun), else fetched.
 * @throws E_MODEL where nothing can be read there
 */
export async function readBytes(source: string | URL): Promise<Uint8Array> {
  try {
    return await readAddress(source);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new FourwayError("E_MODEL", `model: expected a file at ${source}, got "${reason}"; fix the path or address`, { cause });
  }
}
