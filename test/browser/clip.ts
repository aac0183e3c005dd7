import { writeFileSync } from "node:fs";
import { drawScene } from "../../src/scenes/scene.js";
import { toI420 } from "../support/i420.js";

/** Writes a clip of drawn streets, each for `hold` frames, that Chromium's fake camera plays over and over. */
export function writeClip(
  path: string,
  scenes: readonly number[],
  { width, height }: { width: number; height: number },
  hold: number,
  fps = 25,
): void {
  const parts: Uint8Array[] = [Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`)];
  for (const index of scenes) {
    const { data } = toI420(drawScene(1, index, { width, height }).frame);
    for (let i = 0; i < hold; i++) parts.push(Buffer.from("FRAME\n"), data);
  }
  writeFileSync(path, Buffer.concat(parts));
}
