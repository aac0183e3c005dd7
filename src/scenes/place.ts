import { drawVehicle } from "./car.js";
import { drawBush, drawLamp, drawSmallThing, drawTree, drawWires } from "./clutter.js";
import { planHouses } from "./houses.js";
import { drawPerson } from "./person.js";
import { drawOtherSign, drawStopSign, drawTrafficLight, type LightMount } from "./signs.js";
import { project, type Stage } from "./stage.js";
import type { Street } from "./street.js";
import { CARS, OTHER_VEHICLES } from "./vehicles.js";

// Who stands where: everything is planned first, then painted from far to near.

/** How often a scene holds each of the tasks at all. */
const SHARES = { pedestrian: 0.72, car: 0.75, stopSign: 0.45, trafficLight: 0.48 };

interface Plan {
  stage: Stage;
  street: Street;
  /** What will be painted, and how far away it is. */
  things: { z: number; draw: () => void }[];
  /** Ground that is taken: middle and half sizes. */
  taken: { x: number; z: number; halfX: number; halfZ: number }[];
}

/** Plans all things of a scene and paints them. */
export function placeThings(stage: Stage, street: Street): void {
  const plan: Plan = { stage, street, things: planHouses(stage, street), taken: [] };
  const { random } = stage;
  if (random.chance(SHARES.car)) placeCars(plan, 1 + random.below(random.chance(0.35) ? 12 : 5));
  if (random.chance(0.25)) placeOtherVehicle(plan);
  if (random.chance(SHARES.trafficLight)) placeLights(plan);
  if (random.chance(SHARES.stopSign)) placeStopSigns(plan);
  if (random.chance(SHARES.pedestrian)) placePeople(plan, 1 + random.below(random.chance(0.25) ? 14 : 5));
  placeClutter(plan);
  plan.things.sort((a, b) => b.z - a.z);
  for (const thing of plan.things) thing.draw();
}

/** A distance between two, near ones less often than far ones but not by as much as the ground would have it. */
function distance(plan: Plan, near: number, far: number): number {
  const t = plan.stage.random.uniform();
  return 1 / (t / near + (1 - t) / far) + plan.stage.random.uniform(0, 0.2) * (far - near) * (1 - t);
}

/** Whether a place on the ground is to be seen, at least near the picture's edge. */
function inView(plan: Plan, x: number, z: number, margin = 0): boolean {
  const [column] = project(plan.stage.camera, x, 0, z);
  const { width } = plan.stage.canvas;
  return column > -margin * width && column < (1 + margin) * width;
}

/** Takes a piece of ground, if it is still free. */
function take(plan: Plan, x: number, z: number, halfX: number, halfZ: number): boolean {
  const free = plan.taken.every((other) => Math.abs(other.x - x) > other.halfX + halfX || Math.abs(other.z - z) > other.halfZ + halfZ);
  if (free) plan.taken.push({ x, z, halfX, halfZ });
  return free;
}

function placeCars(plan: Plan, count: number): void {
  const { stage, street } = plan;
  const { random } = stage;
  const parking = street.right - street.left > 7.5;
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 6; attempt++) {
      const shape = random.pick(CARS);
      const kind = random.pick(["ahead", "oncoming", "parked", "parked", "across", "yard"] as const);
      let [x, z, heading] = [0, distance(plan, 4.5, 60), 0];
      if (kind === "ahead") x = street.right - 1.9 - (parking ? 1.6 : 0) + random.uniform(-0.3, 0.3);
      if (kind === "oncoming") [x, heading] = [street.left + 1.9 + (parking ? 1.6 : 0) + random.uniform(-0.3, 0.3), Math.PI];
      if (kind === "parked") {
        const right = random.chance(0.5);
        x = right ? street.right - 1.05 : street.left + 1.05;
        heading = (right ? 0 : Math.PI) + (random.chance(0.12) ? Math.PI : 0);
      }
      if (kind === "across") {
        const far = random.chance(0.5);
        z = street.crossing === null ? random.uniform(7, 18) : street.crossing + street.crossingWidth * (far ? 0.72 : 0.28);
        x = random.uniform(-0.7, 0.7) * z;
        heading = (far ? -1 : 1) * (Math.PI / 2);
      }
      if (kind === "yard") {
        // Anyhow, on a drive or a square beside the road.
        const right = random.chance(0.5);
        x = right
          ? street.right + street.pavement * 0.6 + random.uniform(0, street.green)
          : street.left - street.pavement * 0.6 - random.uniform(0, street.green);
        heading = random.uniform(-Math.PI, Math.PI);
        if (street.green < 3) continue;
      }
      heading += random.uniform(-0.06, 0.06);
      const level = kind === "across";
      const [halfX, halfZ] = kind === "yard" ? [2.5, 2.5] : level ? [shape.length / 2 + 0.4, 1.2] : [1.1, shape.length / 2 + 0.5];
      if (z - halfZ < 1.3 || !inView(plan, x, z, 0.1) || !take(plan, x, z, halfX, halfZ)) continue;
      plan.things.push({ z, draw: () => drawVehicle(stage, shape, { x, z, heading }, true) });
      break;
    }
}

/** A van, a bus or a lorry: hides much, and is not a car. */
function placeOtherVehicle(plan: Plan): void {
  const { stage, street } = plan;
  const { random } = stage;
  const shape = random.pick(OTHER_VEHICLES);
  const oncoming = random.chance(0.5);
  const x = oncoming ? street.left + 2 : street.right - 2;
  const z = random.uniform(9, 40);
  const heading = (oncoming ? Math.PI : 0) + random.uniform(-0.04, 0.04);
  if (inView(plan, x, z, 0.1) && take(plan, x, z, 1.4, shape.length / 2 + 0.5))
    plan.things.push({ z, draw: () => drawVehicle(stage, shape, { x, z, heading }, false) });
}

function placeLights(plan: Plan): void {
  const { stage, street } = plan;
  const { random, camera, canvas } = stage;
  const lit = random.below(3);
  const count = 1 + random.below(4);
  const base = street.crossing ?? random.uniform(9, 32);
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 8; attempt++) {
      const mount = random.pick<LightMount>(["post", "post", "post", "arm", "wire"]);
      const close = random.chance(0.35);
      const z = close ? random.uniform(2.2, 7) : base + random.pick([-3, 0, street.crossingWidth + 1]) + random.uniform(-1, 1);
      const right = random.chance(0.55);
      const x =
        mount === "post"
          ? right
            ? street.right + random.uniform(0.3, 0.9)
            : street.left - random.uniform(0.3, 0.9)
          : random.uniform(street.left * 0.8, street.right);
      const [, row] = project(camera, x, mount === "post" ? 3 : 5.2, z);
      if (row < canvas.height * 0.03 || !inView(plan, x, z, -0.02) || !take(plan, x, z, 0.35, 0.6)) continue;
      plan.things.push({ z, draw: () => drawTrafficLight(stage, x, z, mount, lit) });
      break;
    }
}

function placeStopSigns(plan: Plan): void {
  const { stage, street } = plan;
  const { random, camera } = stage;
  const count = random.chance(0.2) ? 2 : 1;
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 12; attempt++) {
      const z = random.chance(0.3) ? random.uniform(1.8, 5) : distance(plan, 4, 32);
      const right = random.chance(0.7);
      const x = right ? street.right + random.uniform(0.3, 1.2) : street.left - random.uniform(0.3, 1.2);
      const [, row] = project(camera, x, 2.5, z);
      if (row < -0.05 * stage.canvas.height || !inView(plan, x, z, -0.02) || !take(plan, x, z, 0.5, 0.4)) continue;
      plan.things.push({ z, draw: () => drawStopSign(stage, x, z) });
      break;
    }
}

function placePeople(plan: Plan, count: number): void {
  const { stage, street } = plan;
  const { random } = stage;
  // Some come in company.
  let [companyX, companyZ, company] = [0, 0, 0];
  for (let i = 0; i < count; i++)
    for (let attempt = 0; attempt < 6; attempt++) {
      let [x, z] = [0, random.chance(0.1) ? random.uniform(1.5, 3.2) : distance(plan, 3.4, 42)];
      const where = random.pick(["left", "right", "left", "right", "road"] as const);
      if (company > 0) [x, z] = [companyX + random.uniform(-1.3, 1.3), Math.max(1.5, companyZ + random.uniform(-0.8, 0.8))];
      else if (where === "road") {
        z = street.crossing !== null && random.chance(0.7) ? street.crossing - random.uniform(0.8, 3) : z;
        x = random.uniform(street.left, street.right);
      } else {
        const wide = street.pavement + 0.5 * street.green;
        x = where === "left" ? street.left - random.uniform(0.3, wide - 0.2) : street.right + random.uniform(0.3, wide - 0.2);
      }
      if (!inView(plan, x, z, 0.02) || !take(plan, x, z, 0.22, 0.22)) continue;
      if (company > 0) company--;
      else if (random.chance(0.25)) [companyX, companyZ, company] = [x, z, 1 + random.below(4)];
      const sitting = where !== "road" && random.chance(0.08);
      plan.things.push({ z, draw: () => (sitting ? drawSeated(plan, x, z) : drawPerson(stage, x, z)) });
      break;
    }
}

function drawSeated(plan: Plan, x: number, z: number): void {
  drawSmallThing(plan.stage, x, z, "bench");
  drawPerson(plan.stage, x, z, { pose: "sit" });
}

function placeClutter(plan: Plan): void {
  const { stage, street, things } = plan;
  const { random } = stage;
  const city = street.surroundings === "city";
  const bare = random.chance(0.2);
  const kerb = (side: number, away: number) => (side < 0 ? street.left - away : street.right + away);
  const add = (x: number, z: number, draw: () => void) => {
    if (inView(plan, x, z, 0.3) && take(plan, x, z, 0.25, 0.25)) things.push({ z, draw });
  };
  for (const { x, z, side } of street.lamps) add(x, z, () => drawLamp(stage, x, z, side));
  for (const side of [-1, 1]) {
    if (random.chance(city ? 0.45 : 0.85)) {
      const apart = random.uniform(5, 13);
      for (let z = random.uniform(4, 12); z < 90; z += apart * random.uniform(0.7, 1.4)) {
        const x = kerb(side, city ? 0.9 : street.pavement + random.uniform(0.5, 0.5 + street.green * 0.7));
        add(x, z, () => drawTree(stage, x, z, bare));
      }
    }
    for (let i = 0; i < 5; i++) {
      const [x, z] = [kerb(side, random.uniform(0.4, street.pavement * 0.95)), distance(plan, 3, 30)];
      if (random.chance(0.6)) add(x, z, () => drawSmallThing(stage, x, z));
    }
    if (!city)
      for (let i = 0; i < 6; i++) {
        const [x, z] = [kerb(side, street.pavement + random.uniform(0, street.green)), distance(plan, 4, 40)];
        add(x, z, () => drawBush(stage, x, z));
      }
    for (let i = 0; i < 3; i++) {
      const [x, z] = [kerb(side, random.uniform(0.3, 1)), distance(plan, 3, 36)];
      if (random.chance(0.5)) add(x, z, () => drawOtherSign(stage, x, z));
    }
    if (random.chance(0.06)) {
      const [x, z] = [kerb(side, street.pavement * 0.6), random.uniform(6, 18)];
      add(x, z, () => drawPerson(stage, x, z, { statue: true, pose: "stand", height: random.uniform(1.7, 2.4) }));
    }
    if (!city && random.chance(0.4))
      for (let z = random.uniform(8, 20); z < 80; z += 25) {
        const x = kerb(side, 0.8);
        add(x, z, () => drawWires(stage, x, z));
      }
  }
}
