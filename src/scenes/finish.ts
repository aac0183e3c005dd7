import { addGlow } from "./canvas.js";
import { pixelAt, type Stage } from "./stage.js";

// What the lens and the sensor add when all is painted: glows of lamps, soft focus, exposure, colour cast, noise.

/** Finishes a picture in place. The objects that the pixels show stay as they are. */
export function finish(stage: Stage): void {
  const { canvas, light, random } = stage;
  const open = stage.glows.filter((glow) => pixelAt(canvas, glow.x, glow.y) === glow.under);
  for (const { x, y, radius, colour, strength } of open) addGlow(canvas, x, y, radius, colour, strength);
  if (random.chance(0.3)) soften(canvas.data, canvas.width, canvas.height, random.uniform(0.3, 1));
  const noise = light.time === "night" ? random.uniform(3, 13) : random.uniform(0.5, 6);
  const exposure = light.time === "day" ? random.uniform(0.9, 1.3) : random.uniform(0.8, 1.1);
  const lift = random.uniform(-8, 12);
  const cast = [random.uniform(0.94, 1.06), 1, random.uniform(0.92, 1.08)] as const;
  const vignette = random.chance(0.5) ? random.uniform(0, 0.35) : 0;
  expose(stage, cast.map((c) => c * exposure) as [number, number, number], lift, noise, vignette, random.bits());
}

/** The mean with the four neighbours, mixed in by `amount`; rows are kept until the next one is done. */
function soften(data: Uint8Array, width: number, height: number, amount: number): void {
  const stride = 4 * width;
  let above = data.slice(0, stride);
  let here = data.slice(0, stride);
  for (let y = 0; y < height; y++) {
    const start = y * stride;
    const below = y + 1 < height ? start + stride : start;
    for (let i = 0; i < stride; i++) {
      if ((i & 3) === 3) continue;
      const left = here[i >= 4 ? i - 4 : i]!;
      const right = here[i + 4 < stride ? i + 4 : i]!;
      const mean = (2 * here[i]! + left + right + above[i]! + data[below + i]!) / 6;
      data[start + i] = here[i]! + (mean - here[i]!) * amount + 0.5;
    }
    above = here;
    here = data.slice(below, below + stride);
  }
}

function expose(stage: Stage, gain: readonly [number, number, number], lift: number, noise: number, vignette: number, seed: number): void {
  const { data, width, height } = stage.canvas;
  let state = seed | 1;
  for (let y = 0; y < height; y++) {
    const v = (2 * y) / height - 1;
    for (let x = 0; x < width; x++) {
      const u = (2 * x) / width - 1;
      const dim = 1 - vignette * 0.5 * (u * u + v * v);
      // xorshift32 (Marsaglia, 2003); the sum of four bytes is close to Gaussian, with a deviation of 148.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const grain = (((state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255) + (state >>> 24) - 510) / 148) * noise;
      const tint = (((state >>> 4) & 255) - 128) * 0.004 * noise;
      const q = 4 * (y * width + x);
      const red = data[q]! * gain[0] * dim + lift + grain + tint;
      const green = data[q + 1]! * gain[1] * dim + lift + grain;
      const blue = data[q + 2]! * gain[2] * dim + lift + grain - tint;
      data[q] = red < 0 ? 0 : red > 255 ? 255 : red + 0.5;
      data[q + 1] = green < 0 ? 0 : green > 255 ? 255 : green + 0.5;
      data[q + 2] = blue < 0 ? 0 : blue > 255 ? 255 : blue + 0.5;
    }
  }
}
