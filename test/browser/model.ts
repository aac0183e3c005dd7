import { existsSync, readFileSync } from "node:fs";
import { shippedModel } from "../../src/detect/source.js";
import { saveModel } from "../../src/model/model.js";
import { liveModels } from "../runtimes/models.js";

/** The model that pages load: the shipped one, or where there is none yet, one that sees something. */
export async function modelForPages(): Promise<Uint8Array> {
  return existsSync(shippedModel()) ? readFileSync(shippedModel()) : saveModel((await liveModels()).int8);
}
