import type { Random } from "../core/random.js";
import type { Colour } from "./canvas.js";
import type { Light } from "./stage.js";

/** Light and air of a scene: three in five by day, one in six at dusk, the rest at night; clear, hazy or in fog. */
export function makeLight(random: Random): Light {
  const time = random.pick<Light["time"]>(["day", "day", "day", "day", "day", "day", "day", "dusk", "dusk", "night", "night", "night"]);
  const sunny = time === "day" && random.chance(0.55);
  const fog = random.chance(0.1);
  const day: Colour = sunny ? [1.06, 1.03, 0.97] : [0.84, 0.86, 0.9];
  const dim = random.uniform(0.75, 1.25);
  const dusk: Colour = [0.6 * dim, 0.5 * dim, 0.54 * dim];
  const night: Colour = [0.17 * dim, 0.18 * dim, 0.25 * dim];
  const air: Record<Light["time"], Colour> = { day: sunny ? [190, 208, 226] : [198, 202, 206], dusk: [176, 138, 128], night: [26, 28, 40] };
  return {
    time,
    ambient: { day, dusk, night }[time],
    air: air[time],
    airDistance: fog ? random.uniform(25, 60) : random.uniform(120, 500),
    sunny,
    lamps: [],
    lampColour: random.pick<Colour>([
      [1, 0.82, 0.5],
      [1, 0.9, 0.74],
      [0.86, 0.94, 1],
    ]),
    headlights: time === "night" && random.chance(0.7),
  };
}
