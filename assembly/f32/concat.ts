// Two inputs side by side along the channels; all sizes in bytes a pixel, so that f32 and int8 share it.
//   forward    y[.., 0..a) = a, y[.., a..a + b) = b, then zeros to yStored
//   backward   da = dy[.., 0..a), db = dy[.., a..a + b), padding zero
//   a [m, aStored], b [m, bStored], y [m, yStored]; aBytes and bBytes are real
import { clear, copyShort } from "../simd";

export function concat(y: usize, a: usize, b: usize, m: i32, aBytes: i32, bBytes: i32, aStored: i32, bStored: i32, yStored: i32): void {
  const rest = yStored - aBytes - bBytes;
  for (let r = 0; r < m; r++, y += yStored, a += aStored, b += bStored) {
    copyShort(y, a, aBytes);
    copyShort(y + aBytes, b, bBytes);
    if (rest) clear(y + aBytes + bBytes, rest);
  }
}

export function concatBackward(da: usize, db: usize, dy: usize, m: i32, aBytes: i32, bBytes: i32, aStored: i32, bStored: i32, yStored: i32): void {
  for (let r = 0; r < m; r++, dy += yStored, da += aStored, db += bStored) {
    copyShort(da, dy, aBytes);
    copyShort(db, dy + aBytes, bBytes);
    if (aStored != aBytes) clear(da + aBytes, aStored - aBytes);
    if (bStored != bBytes) clear(db + bBytes, bStored - bBytes);
  }
}
