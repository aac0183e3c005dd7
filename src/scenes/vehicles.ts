// Measures of vehicles, in metres.

/** What a stretch of the outline is. */
type Part = "rear" | "boot" | "rearGlass" | "roof" | "windscreen" | "bonnet" | "front";

/** A vehicle's outline from the side, in metres. */
export interface Shape {
  length: number;
  width: number;
  /** Outline as pairs, from the rear's lower edge over the roof to the front's lower edge: metres from the rear, metres up. */
  outline: readonly number[];
  /** One for each stretch between two points of the outline. */
  parts: readonly Part[];
  /** Height at which the glass begins, and where the roof is: above it the body grows narrower. */
  belt: number;
  roof: number;
  /** Side windows, four numbers each: rear and front end along the length at the belt, then at the roof. */
  glass: readonly number[];
  wheels: readonly number[];
  wheel: number;
}

const FIVE: readonly Part[] = ["rear", "rear", "boot", "rearGlass", "roof", "windscreen", "bonnet", "front", "front"];

/** Cars. The other vehicles below are not boxed. */
export const CARS: readonly Shape[] = [
  {
    // saloon
    length: 4.6,
    width: 1.8,
    belt: 0.98,
    roof: 1.45,
    wheels: [0.85, 3.65],
    wheel: 0.32,
    parts: FIVE,
    outline: [0.05, 0.28, 0, 0.62, 0.08, 0.98, 0.75, 1.02, 1.4, 1.42, 2.5, 1.45, 3.3, 1.0, 4.4, 0.82, 4.6, 0.58, 4.55, 0.25],
    glass: [1.0, 1.9, 1.45, 1.88, 1.98, 3.02, 1.96, 2.48],
  },
  {
    // hatchback
    length: 4.0,
    width: 1.74,
    belt: 0.98,
    roof: 1.5,
    wheels: [0.72, 3.2],
    wheel: 0.31,
    parts: FIVE,
    outline: [0.05, 0.28, 0, 0.65, 0.04, 0.98, 0.12, 1.02, 0.55, 1.46, 2.1, 1.5, 2.95, 1.02, 3.85, 0.85, 4.0, 0.6, 3.95, 0.25],
    glass: [0.4, 1.42, 0.7, 1.42, 1.5, 2.7, 1.5, 2.1],
  },
  {
    // sport utility
    length: 4.6,
    width: 1.9,
    belt: 1.12,
    roof: 1.74,
    wheels: [0.85, 3.65],
    wheel: 0.37,
    parts: FIVE,
    outline: [0.05, 0.35, 0, 0.75, 0.03, 1.12, 0.08, 1.16, 0.4, 1.68, 2.7, 1.74, 3.35, 1.15, 4.45, 1.02, 4.6, 0.7, 4.55, 0.32],
    glass: [0.35, 0.95, 0.55, 0.95, 1.03, 1.95, 1.03, 1.95, 2.03, 3.1, 2.03, 2.66],
  },
  {
    // estate
    length: 4.7,
    width: 1.8,
    belt: 0.98,
    roof: 1.48,
    wheels: [0.9, 3.75],
    wheel: 0.32,
    parts: FIVE,
    outline: [0.05, 0.28, 0, 0.62, 0.05, 0.98, 0.1, 1.02, 0.45, 1.42, 2.55, 1.48, 3.4, 1.0, 4.5, 0.82, 4.7, 0.58, 4.65, 0.25],
    glass: [0.35, 1.1, 0.55, 1.1, 1.18, 2.1, 1.18, 2.1, 2.18, 3.15, 2.18, 2.58],
  },
  {
    // small car
    length: 3.4,
    width: 1.6,
    belt: 0.98,
    roof: 1.52,
    wheels: [0.55, 2.75],
    wheel: 0.29,
    parts: FIVE,
    outline: [0.05, 0.28, 0, 0.65, 0.03, 0.98, 0.08, 1.02, 0.35, 1.48, 1.8, 1.52, 2.65, 1.05, 3.25, 0.9, 3.4, 0.6, 3.35, 0.25],
    glass: [0.3, 1.2, 0.5, 1.2, 1.28, 2.4, 1.28, 1.85],
  },
];

const VAN: Shape = {
  length: 5.4,
  width: 2.0,
  belt: 1.3,
  roof: 2.3,
  wheels: [1.0, 4.4],
  wheel: 0.36,
  parts: FIVE,
  outline: [0.05, 0.35, 0, 0.8, 0.01, 1.3, 0.02, 1.32, 0.08, 2.26, 3.7, 2.3, 4.6, 1.35, 5.25, 1.1, 5.4, 0.75, 5.35, 0.3],
  glass: [3.55, 4.45, 3.55, 3.85],
};
/** A city bus, with windows all along. */
export const BUS: Shape = {
  length: 10.5,
  width: 2.5,
  belt: 1.35,
  roof: 3.1,
  wheels: [2.6, 8.3],
  wheel: 0.48,
  parts: FIVE,
  outline: [0.05, 0.35, 0, 0.9, 0, 1.3, 0.02, 1.35, 0.06, 3.05, 10.3, 3.1, 10.46, 1.25, 10.48, 1.2, 10.5, 0.9, 10.45, 0.3],
  glass: [0.4, 2.3, 0.4, 2.3, 2.4, 4.3, 2.4, 4.3, 4.4, 6.3, 4.4, 6.3, 6.4, 8.3, 6.4, 8.3, 8.4, 10.1, 8.4, 10.1],
};
/** A lorry with a box on it. */
export const LORRY: Shape = {
  length: 8.5,
  width: 2.4,
  belt: 1.6,
  roof: 3.4,
  wheels: [1.2, 2.2, 7.3],
  wheel: 0.48,
  parts: FIVE,
  outline: [0.02, 0.9, 0, 1.2, 0, 1.5, 0.01, 1.55, 0.02, 3.4, 6.6, 3.4, 6.65, 2.7, 8.3, 2.65, 8.5, 1.6, 8.45, 0.4],
  glass: [7.1, 8.2, 7.1, 8.1],
};
/** Vehicles that are not cars. */
export const OTHER_VEHICLES: readonly Shape[] = [VAN, BUS, LORRY];
