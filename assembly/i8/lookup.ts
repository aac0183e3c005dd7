// Any function of one value in int8, by its table: every op that computes value by value shares it.
//   y[i] = table[x[i] + 128]
//   x y int8 [n]; y may be x; table int8 [256]
export function lookupI8(y: usize, x: usize, table: usize, n: i32): void {
  table += 128;
  for (let i = 0; i < n; i++) store<i8>(y + i, load<i8>(table + load<i8>(x + i)));
}
