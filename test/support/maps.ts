/** Maps for ops that treat every channel alike: of one value, odd, narrow, and wider than a vector. */
export const MAPS = [1, 3].flatMap((n) => [
  { n, height: 1, width: 1, c: 8 },
  { n, height: 3, width: 5, c: 24 },
  { n, height: 17, width: 1, c: 8 },
  { n, height: 5, width: 17, c: 40 },
]);
