import type { Colour } from "./canvas.js";
import { bar, disc, limb, type Pen, shape } from "./pen.js";
import { cosine, sine, tone } from "./stage.js";

// A jointed figure, in parts of its own height: foot 0, hip .50, shoulders .82, crown 1.

/** How a figure is seen, stands, is dressed and what it carries. */
export type Facing = "front" | "back" | "side";
export type Pose = "walk" | "stand" | "run" | "sit";
export type Wear = "jacket" | "shirt" | "coat" | "dress" | "shorts";
export type Head = "short" | "long" | "bald" | "cap" | "hood" | "hat";
export type Carry = "nothing" | "backpack" | "bag" | "phone" | "wave" | "umbrella";

/** All that is chosen of a figure. */
export interface Look {
  pose: Pose;
  facing: Facing;
  child: boolean;
  /** Where in the stride, -1..1. */
  phase: number;
  build: number;
  skin: Colour;
  hair: Colour;
  top: Colour;
  legs: Colour;
  shoes: Colour;
  wear: Wear;
  head: Head;
  carry: Carry;
  accent: Colour;
}

/** A figure that stands, walks or runs; the pen's unit is its height. */
export function drawUpright(pen: Pen, look: Look): void {
  const side = look.facing === "side";
  const reach = look.pose === "run" ? 0.62 : look.pose === "walk" ? 0.42 : 0.06;
  const swing = reach * look.phase;
  const shoulder = (side ? 0.045 : 0.105) * look.build;
  const hip = (side ? 0.02 : 0.052) * look.build;
  const armSwing = -swing * 0.8;
  if (look.carry === "umbrella" && !look.child) umbrella(pen, look);
  if (look.facing === "front" && look.carry === "backpack") disc(pen, 0, 0.69, 0.1, 0.11, tone(look.accent, 0.7));
  arm(pen, look, -shoulder, side ? -armSwing : -0.12, 0.72, look.carry === "bag");
  leg(pen, look, -hip, side ? -swing : -0.05, 0.75);
  leg(pen, look, hip, side ? swing : 0.05, 1);
  if (look.head === "long" && look.facing === "front") longHair(pen, look, 0);
  torso(pen, look, side);
  if (look.carry === "backpack" && look.facing !== "front") {
    const u = side ? -0.1 * look.build : 0;
    shape(pen, [u - 0.07, 0.58, u + 0.06, 0.58, u + 0.07, 0.76, u + 0.03, 0.81, u - 0.05, 0.8, u - 0.08, 0.74], look.accent);
    shape(pen, [u - 0.05, 0.6, u + 0.04, 0.6, u + 0.04, 0.68, u - 0.05, 0.68], tone(look.accent, 0.75));
  }
  head(pen, look, side);
  if (look.carry === "phone" || look.carry === "wave") raisedArm(pen, look, shoulder);
  else arm(pen, look, shoulder, side ? armSwing : 0.12, 1, false);
}

/** A leg from the hip, at an angle; the knee of the leg that is behind is bent. */
function leg(pen: Pen, look: Look, u: number, angle: number, shade: number): void {
  const bare = look.wear === "shorts" || look.wear === "dress";
  const cloth = tone(look.legs, shade);
  const thick = look.build * (look.child ? 1.1 : 1);
  const knee: [number, number] = [u + 0.24 * sine(angle), 0.5 - 0.235 * cosine(angle)];
  const bend = angle - (look.facing === "side" ? 0.25 + 0.5 * Math.max(0, -angle) : 0);
  const lift = look.facing === "side" ? 0 : Math.max(0, look.phase * Math.sign(u)) * (look.pose === "stand" ? 0 : 0.03);
  const foot: [number, number] = [knee[0] + 0.24 * sine(bend), Math.max(0.02, knee[1] - 0.235 * cosine(bend)) + lift];
  const skin = tone(look.skin, shade);
  limb(pen, ...knee, ...foot, 0.036 * thick, 0.024 * thick, bare ? skin : cloth);
  limb(pen, u, 0.5, ...knee, 0.05 * thick, 0.037 * thick, look.wear === "dress" ? skin : cloth);
  if (!bare && pen.scale > 60) limb(pen, u + 0.012, 0.48, knee[0] + 0.01, knee[1], 0.02 * thick, 0.014 * thick, tone(cloth, 1.14));
  const toe = look.facing === "side" ? 0.06 : 0.012 * Math.sign(u);
  limb(pen, foot[0], foot[1] - 0.004, foot[0] + toe, foot[1] - 0.012, 0.022, 0.017, tone(look.shoes, shade));
}

function arm(pen: Pen, look: Look, u: number, angle: number, shade: number, bag: boolean): void {
  const sleeve = look.wear === "shirt" || look.wear === "shorts" || look.wear === "dress" ? look.skin : look.top;
  const elbow: [number, number] = [u + 0.16 * sine(angle), 0.795 - 0.16 * cosine(angle)];
  const bend = angle + (look.facing === "side" ? 0.3 + (look.pose === "run" ? 0.9 : 0) : -angle * 0.6);
  const hand: [number, number] = [elbow[0] + 0.14 * sine(bend), elbow[1] - 0.14 * cosine(bend)];
  limb(pen, ...elbow, ...hand, 0.024 * look.build, 0.018, tone(sleeve, shade));
  limb(pen, u, 0.795, ...elbow, 0.034 * look.build, 0.025 * look.build, tone(look.top, shade * 0.94));
  disc(pen, hand[0], hand[1] - 0.012, 0.019, 0.022, tone(look.skin, shade));
  if (bag) bar(pen, hand[0] - 0.06, hand[1] - 0.16, 0.12, 0.13, tone(look.accent, shade), { apart: false });
}

function raisedArm(pen: Pen, look: Look, u: number): void {
  const up = look.carry === "wave";
  const elbow: [number, number] = up ? [u + 0.13, 0.86] : [u + 0.04, 0.65];
  const hand: [number, number] = up ? [u + 0.16, 1.0] : [u - 0.02 + (look.facing === "side" ? 0.13 : 0), 0.84];
  limb(pen, u, 0.795, ...elbow, 0.034 * look.build, 0.026, tone(look.top, 0.92));
  limb(pen, ...elbow, ...hand, 0.025, 0.018, tone(look.top, 1.05));
  disc(pen, ...hand, 0.02, 0.022, look.skin);
  if (!up) bar(pen, hand[0] - 0.012, hand[1], 0.024, 0.04, [20, 20, 24]);
}

function torso(pen: Pen, look: Look, side: boolean): void {
  const w = look.build;
  const [shoulders, waist, hips] = side ? [0.065 * w, 0.06 * w, 0.066 * w] : [0.118 * w, 0.084 * w, 0.092 * w];
  const hem = look.wear === "coat" ? 0.3 : look.wear === "dress" ? 0.3 : look.wear === "jacket" ? 0.46 : 0.49;
  const flare = look.wear === "dress" ? 1.45 : look.wear === "coat" ? 1.15 : 1;
  const outline = [
    -shoulders * 0.45,
    0.855,
    shoulders * 0.45,
    0.855,
    shoulders,
    0.815,
    waist,
    0.64,
    hips * flare,
    hem,
    -hips * flare,
    hem,
    -waist,
    0.64,
    -shoulders,
    0.815,
  ];
  shape(pen, outline, look.top);
  // The side away from the light.
  shape(
    pen,
    [
      -shoulders * 0.45,
      0.855,
      -shoulders * 0.1,
      0.855,
      -waist * 0.35,
      0.64,
      -hips * flare * 0.4,
      hem,
      -hips * flare,
      hem,
      -waist,
      0.64,
      -shoulders,
      0.815,
    ],
    tone(look.top, 0.84),
  );
  if (pen.scale < 45) return;
  if (look.wear === "jacket" && !side && look.facing === "front") {
    bar(pen, -0.006, hem, 0.012, 0.84 - hem, tone(look.top, 0.6));
    shape(pen, [-0.04, 0.855, 0.04, 0.855, 0, 0.77], tone(look.accent, 1.1));
  }
  if (look.wear === "shirt" && look.phase > 0) bar(pen, -waist * 0.98, 0.66, waist * 1.96, 0.05, look.accent);
  if (look.wear === "dress" || look.wear === "coat") bar(pen, -waist, 0.625, waist * 2, 0.022, tone(look.top, 0.55));
}

function head(pen: Pen, look: Look, side: boolean): void {
  const size = look.child ? 1.3 : 1;
  const [v, ru, rv] = [0.925, 0.046 * size, 0.062 * size];
  limb(pen, 0, 0.83, 0, 0.88, 0.028, 0.025, tone(look.skin, 0.85));
  const back = look.facing === "back";
  if (look.head === "long" && look.facing !== "front") longHair(pen, look, side ? -0.022 : 0);
  if (look.head === "hood") disc(pen, side ? -0.008 : 0, v, ru * 1.35, rv * 1.2, tone(look.top, 0.85));
  disc(pen, 0, v, ru, rv, back && look.head !== "bald" ? look.hair : look.skin);
  if (look.head === "hood" && back) disc(pen, 0, v, ru * 1.3, rv * 1.15, look.top);
  else if (look.head !== "bald" && look.head !== "hood" && !back) {
    const shift = side ? -0.014 : 0;
    const fringe = side ? 0.0 : 0.012;
    shape(
      pen,
      [
        -ru * 1.06,
        v,
        -ru * 1.02 + shift,
        v + rv * 0.7,
        shift * 0.5,
        v + rv * 1.1,
        ru * 0.9,
        v + rv * 0.75,
        ru * (side ? 0.75 : 1.04),
        v + 0.01,
        ru * 0.6,
        v + rv * 0.45 + fringe,
        -ru * 0.45,
        v + rv * 0.5,
        -ru * 0.6,
        v - (side ? 0.02 : -0.01),
      ],
      look.hair,
    );
  }
  if (look.head === "cap" || look.head === "hat") {
    const brim = look.head === "hat" ? 1.7 : 1.05;
    shape(
      pen,
      [-ru * 1.08, v + rv * 0.3, -ru * 0.9, v + rv * 1.05, 0, v + rv * 1.28, ru * 0.9, v + rv * 1.05, ru * 1.08, v + rv * 0.3],
      look.accent,
    );
    shape(
      pen,
      [
        -ru * (side && look.head === "cap" ? 0.9 : brim),
        v + rv * 0.28,
        ru * (side ? 1.8 : brim),
        v + rv * 0.28,
        ru,
        v + rv * 0.44,
        -ru,
        v + rv * 0.44,
      ],
      tone(look.accent, 0.7),
    );
  }
  if (back || pen.scale * ru < 4) return;
  const eye = side ? [ru * 0.62] : [-ru * 0.4, ru * 0.4];
  for (const u of eye) disc(pen, u, v + 0.004, 0.006, 0.006, [30, 24, 22]);
  if (!side) shape(pen, [-0.006, v - 0.016, 0.006, v - 0.016, 0, v + 0.002], tone(look.skin, 0.82));
  bar(pen, side ? ru * 0.45 : -0.014, v - 0.033, side ? ru * 0.45 : 0.028, 0.006, tone(look.skin, 0.62));
}

function longHair(pen: Pen, look: Look, u: number): void {
  shape(pen, [u - 0.052, 0.8, u + 0.048, 0.8, u + 0.055, 0.94, u + 0.03, 0.985, u - 0.03, 0.985, u - 0.057, 0.94], tone(look.hair, 0.8));
}

/** Seated, seen from the side, the thighs level at the height of a bench (.27). */
export function drawSitting(pen: Pen, look: Look): void {
  pen.y -= 0.27 * pen.scale - 0.5 * pen.scale;
  look.facing = "side";
  const cloth = look.legs;
  for (const shade of [0.75, 1]) {
    const knee: [number, number] = [0.23, 0.52 - (1 - shade) * 0.05];
    limb(pen, ...knee, 0.24 + (1 - shade) * 0.2, 0.26, 0.038, 0.025, tone(cloth, shade));
    limb(pen, 0, 0.51, ...knee, 0.05, 0.04, tone(cloth, shade));
    limb(pen, 0.25 + (1 - shade) * 0.2, 0.25, 0.31 + (1 - shade) * 0.2, 0.24, 0.022, 0.017, tone(look.shoes, shade));
  }
  arm(pen, look, -0.03, 0.5, 0.75, false);
  torso(pen, { ...look, wear: "jacket" }, true);
  head(pen, look, true);
  arm(pen, look, 0.03, 0.45, 1, false);
}

function umbrella(pen: Pen, look: Look): void {
  const u = 0.1;
  bar(pen, u - 0.005, 0.7, 0.01, 0.42, [50, 50, 54], { apart: true });
  const points = [u - 0.3, 1.02];
  for (let i = 0; i <= 8; i++) points.push(u - 0.3 + 0.075 * i, 1.04 + 0.13 * sine((Math.PI * i) / 8));
  points.push(u + 0.3, 1.02, u + 0.15, 1.05, u, 1.03, u - 0.15, 1.05);
  shape(pen, points, look.accent, { apart: true });
}
