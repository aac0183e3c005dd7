import type { Box } from "../core/box.js";
import { FourwayError } from "../core/errors.js";
import { type Frame, MAX_FRAME_PIXELS } from "../core/frame.js";
import { Random } from "../core/random.js";
import { TASKS, type Task } from "../core/task.js";
import { createCanvas } from "./canvas.js";
import { finish } from "./finish.js";
import { makeLight } from "./light.js";
import { placeThings } from "./place.js";
import { type Stage, type StageObject, visiblePixels } from "./stage.js";
import { drawGround, drawSky, type Street } from "./street.js";

/** A drawn picture with all that is to be known of it. */
export interface Scene {
  frame: Frame;
  /** For each of TASKS every instance, boxed tightly around what is visible of it; [] where there is none. */
  labels: Record<Task, Box[]>;
  /** Instances of which too little can be seen (see VISIBLE_SHARE): neither right nor wrong to find. */
  ignore: Record<Task, Box[]>;
  /** For each pixel the number of the instance it shows, 0 for none; `instances` tells which is which. */
  map: Uint16Array;
  /** The instances behind `labels`: number in `map`, task, box. */
  instances: { id: number; task: Task; box: Box }[];
}

/** How large to draw. */
export interface SceneOptions {
  /** Pixels, 64..4096; default 480 x 320. */
  width?: number;
  height?: number;
}

/** An instance of which less than this share can be seen, for what stands before it or for the picture's edge, is not boxed. */
const VISIBLE_SHARE = 0.3;
/** Nor is one that shows fewer pixels, or less of a side. */
const MIN_PIXELS = 10;
const MIN_SIDE = 3;

/**
 * Draws a street scene: perspective, houses, trees, things that hide others or look alike, day, dusk or night, with
 * pedestrians, cars, stop signs and traffic lights, all of them boxed. The same seed, index and size give the same bytes
 * on every runtime: only exact arithmetic is used.
 * @param seed of the whole series. @param index of the scene within it.
 * @throws E_ARGUMENT for a seed, index or size that is not whole or out of range.
 */
export function drawScene(seed: number, index: number, options: SceneOptions = {}): Scene {
  const { width = 480, height = 320 } = options;
  checkSceneArguments(seed, index, width, height);
  const stage = makeStage(new Random(seed, index, 0x5ce7e), width, height);
  const street = makeStreet(stage.random);
  // Lamps stand on masts whose arms reach 1.2 m over the road.
  if (stage.light.time !== "day") stage.light.lamps = street.lamps.map(({ x, z, side }) => ({ x: x - 1.2 * side, z }));
  drawSky(stage, street);
  drawGround(stage, street);
  placeThings(stage, street);
  const scene = readOff(stage);
  finish(stage);
  return scene;
}

/** Throws E_ARGUMENT unless a scene can be drawn with these numbers. */
export function checkSceneArguments(seed: number, index: number, width: number, height: number): void {
  for (const [name, value] of Object.entries({ seed, index }))
    if (!Number.isSafeInteger(value) || value < 0 || value > 0xffffffff)
      throw new FourwayError("E_ARGUMENT", `scenes: expected ${name} to be a whole number in 0..4294967295, got ${value}; choose another`);
  for (const [name, value] of Object.entries({ width, height }))
    if (!Number.isInteger(value) || value < 64 || value > 4096 || width * height > MAX_FRAME_PIXELS)
      throw new FourwayError("E_ARGUMENT", `scenes: expected ${name} to be a whole number in 64..4096, got ${value}; choose another`);
}

function makeStage(random: Random, width: number, height: number): Stage {
  const raised = random.chance(0.15); // a camera on a mast or a lorry
  const camera = {
    focal: Math.max(width, height) * random.uniform(0.7, 1.25),
    centre: width * random.uniform(0.3, 0.7),
    horizon: height * (raised ? random.uniform(0.2, 0.4) : random.uniform(0.4, 0.58)),
    height: raised ? random.uniform(3, 5.5) : random.uniform(1.15, 2.1),
    bend: random.chance(0.35) ? random.uniform(-0.003, 0.003) : 0,
  };
  return { canvas: createCanvas(width, height), camera, light: makeLight(random), random, objects: [], glows: [] };
}

/** The camera stands in the right half of the road, or on one of the pavements. */
function makeStreet(random: Random): Street {
  const surroundings = random.pick<Street["surroundings"]>(["city", "city", "city", "suburb", "suburb", "country"]);
  const width = surroundings === "city" ? random.uniform(6, 13) : random.uniform(5.5, 8);
  const pavement = surroundings === "country" ? random.uniform(0.8, 1.5) : random.uniform(2, 4.5);
  const place = random.chance(0.7) ? random.uniform(0.45, 0.8) : random.pick([-0.5 * (pavement / width), 1 + 0.5 * (pavement / width)]);
  const [left, right] = [-width * place, width * (1 - place)];
  const lamps: Street["lamps"] = [];
  for (const side of [-1, 1] as const) {
    const apart = random.uniform(14, 24);
    if (random.chance(0.7))
      for (let z = random.uniform(6, 14); z < 80; z += apart) lamps.push({ x: side < 0 ? left - 0.5 : right + 0.5, z, side });
  }
  return {
    left,
    right,
    pavement,
    green: surroundings === "city" ? 0 : random.uniform(2, 8),
    surroundings,
    crossing: random.chance(0.6) ? random.uniform(10, 34) : null,
    crossingWidth: random.uniform(6, 10),
    lamps,
  };
}

/** What can be seen of each object, once nothing more is painted over it. */
function readOff(stage: Stage): Scene {
  const { canvas } = stage;
  const { width, height } = canvas;
  const scene: Scene = { frame: { data: canvas.data, width, height }, labels: {}, ignore: {}, map: canvas.ids, instances: [] };
  for (const task of TASKS) {
    scene.labels[task] = [];
    scene.ignore[task] = [];
  }
  for (const object of stage.objects) {
    const { count, box } = visiblePixels(canvas, object);
    if (box === null) continue;
    const share = (count / object.painted) * visibleFraction(object, width, height);
    const clear = share >= VISIBLE_SHARE && count >= MIN_PIXELS && box.width >= MIN_SIDE && box.height >= MIN_SIDE;
    if (clear) {
      scene.labels[object.task]!.push(box);
      scene.instances.push({ id: object.id, task: object.task, box });
    } else {
      scene.ignore[object.task]!.push(box);
    }
  }
  return scene;
}

function visibleFraction(object: StageObject, width: number, height: number): number {
  const inside = (Math.min(width, object.right) - Math.max(0, object.left)) * (Math.min(height, object.bottom) - Math.max(0, object.top));
  return inside / ((object.right - object.left) * (object.bottom - object.top));
}
