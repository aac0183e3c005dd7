// Depthwise convolution, kernel k = 3 or 5, stride s = 1 or 2, padding k / 2.
//   forward          y[oy,ox,i]   = act(bias[i] + sum_{ky,kx} x[oy s + ky - p, ox s + kx - p, i] w[ky,kx,i])
//   backward, data   dx[iy,ix,i]  = sum over the outputs that read it of dy w
//   backward, weight dw[ky,kx,i] += sum dy[oy,ox,i] x[oy s + ky - p, ox s + kx - p, i]
//   x f32 [n, h, w, c]  y f32 [n, ceil(h / s), ceil(w / s), c]  w dw f32 [k, k, c]  bias f32 [c]   c % 4 == 0
//   from, to: the forward pass's output rows, [from, to), counted over the batch; y and x are the whole batch's
//   3x3: a row of outputs is made four channels at a time with the nine weights in registers; a column of x is loaded once and goes to the
//   three outputs that see it.
//   5x5: four neighbouring outputs share each weight that is loaded; the border's outputs check every tap.
import { activate, clear, madd } from "../simd";

export function dwconv(y: usize, x: usize, w: usize, bias: usize, from: i32, to: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32, slope: f32): void {
  if (kernel == 3) {
    if (stride == 1) dwconv3(y, x, w, bias, from, to, height, width, c, 1, slope);
    else dwconv3(y, x, w, bias, from, to, height, width, c, 2, slope);
  } else dwconv5(y, x, w, bias, from, to, height, width, c, stride, slope);
}

@inline
function dwconv3(y: usize, x: usize, w: usize, bias: usize, from: i32, to: i32, height: i32, width: i32, c: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, bytes = c << 2, row: usize = width * bytes;
  y += from * ow * bytes;
  for (let r = from; r < to; r++, y += ow * bytes) {
    const iy = r % oh * stride;
    row3(y, x + <usize>(r / oh * height + iy) * row, row, iy > 0, iy + 1 < height, w, bias, width, bytes, stride, slope);
  }
}

function column(v0: v128, w0: v128, v1: v128, w1: v128, v2: v128, w2: v128): v128 {
  return madd(v2, w2, madd(v1, w1, f32x4.mul(v0, w0)));
}

/** A row of outputs; where no row is above (below) the middle one, its weights are zeros. */
@inline
function row3(y: usize, middle: usize, row: usize, above: bool, below: bool, w: usize, bias: usize, width: i32, bytes: i32, stride: i32, slope: f32): void {
  const none = f32x4.splat(0), act = f32x4.splat(slope);
  const top = above ? middle - row : middle, bottom = below ? middle + row : middle;
  for (let i = 0; i < bytes; i += 16) {
    let f = w + i, w00 = none, w01 = none, w02 = none, w20 = none, w21 = none, w22 = none;
    if (above) { w00 = v128.load(f); w01 = v128.load(f + bytes); w02 = v128.load(f + 2 * bytes); }
    f += 3 * bytes;
    const w10 = v128.load(f), w11 = v128.load(f + bytes), w12 = v128.load(f + 2 * bytes);
    f += 3 * bytes;
    if (below) { w20 = v128.load(f); w21 = v128.load(f + bytes); w22 = v128.load(f + 2 * bytes); }
    const start = v128.load(bias + i);
    let p = top + i, q = middle + i, r = bottom + i, to = y + i, a = start, b = start; // sums of outputs ix - 1 and ix; stride 2: a of ix
    for (let ix = 0; ix < width; ix++, p += bytes, q += bytes, r += bytes) {
      let v0 = v128.load(p), v1 = v128.load(q), v2 = v128.load(r);
      if (stride == 1) {
        if (ix > 0) {
          v128.store(to, activate(f32x4.add(a, column(v0, w02, v1, w12, v2, w22)), act));
          to += bytes;
        }
        a = f32x4.add(b, column(v0, w01, v1, w11, v2, w21));
        b = f32x4.add(start, column(v0, w00, v1, w10, v2, w20));
      } else {
        a = f32x4.add(a, column(v0, w01, v1, w11, v2, w21));
        if (++ix == width) break;
        p += bytes; q += bytes; r += bytes;
        v0 = v128.load(p); v1 = v128.load(q); v2 = v128.load(r);
        v128.store(to, activate(f32x4.add(a, column(v0, w02, v1, w12, v2, w22)), act));
        to += bytes;
        a = f32x4.add(start, column(v0, w00, v1, w10, v2, w20));
      }
    }
    if (stride == 1 || (width & 1)) v128.store(to, activate(a, act));
  }
}

function dwconv5(y: usize, x: usize, w: usize, bias: usize, from: i32, to: i32, height: i32, width: i32, c: i32, stride: i32, slope: f32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, kernel = 5, pad = 2;
  const bytes = c << 2, row = width * bytes, step = stride * bytes;
  const act = f32x4.splat(slope);
  // outputs first..last-1 have every column of their window inside
  const first = min(ow, (pad + stride - 1) / stride), last = max(first, min(ow, (width - kernel + pad) / stride + 1));
  y += from * ow * bytes;
  for (let r = from; r < to; r++) {
    const top = r % oh * stride - pad, picture = x + r / oh * height * row;
    const ky0 = max(0, -top), ky1 = min(kernel, height - top);
    let ox = 0;
    while (ox < ow) {
      const left = ox * stride - pad;
      if (ox >= first && ox + 4 <= last) {
        for (let i = 0; i < bytes; i += 16) {
          const start = v128.load(bias + i);
          let a0 = start, a1 = start, a2 = start, a3 = start;
          for (let ky = ky0; ky < ky1; ky++) {
            let xp = picture + (top + ky) * row + left * bytes + i, wp = w + ky * kernel * bytes + i;
            for (let kx = 0; kx < kernel; kx++, xp += bytes, wp += bytes) {
              const f = v128.load(wp), next = xp + step, after = next + step;
              a0 = madd(v128.load(xp), f, a0);
              a1 = madd(v128.load(next), f, a1);
              a2 = madd(v128.load(after), f, a2);
              a3 = madd(v128.load(after + step), f, a3);
            }
          }
          const yp = y + i;
          v128.store(yp, activate(a0, act));
          v128.store(yp + bytes, activate(a1, act));
          v128.store(yp + 2 * bytes, activate(a2, act));
          v128.store(yp + 3 * bytes, activate(a3, act));
        }
        ox += 4;
        y += 4 * bytes;
      } else {
        const kx0 = max(0, -left), kx1 = min(kernel, width - left);
        for (let i = 0; i < bytes; i += 16) {
          let a = v128.load(bias + i);
          for (let ky = ky0; ky < ky1; ky++)
            for (let kx = kx0; kx < kx1; kx++)
              a = madd(v128.load(picture + (top + ky) * row + (left + kx) * bytes + i), v128.load(w + (ky * kernel + kx) * bytes + i), a);
          v128.store(y + i, activate(a, act));
        }
        ox++;
        y += bytes;
      }
    }
  }
}

/** Stride 1: the forward pass over dy with the kernel turned by 180 degrees (flipped f32 [k, k, c], zeros f32 [c]); 5x5, stride 2: scattered. */
export function dwconvBackwardData(dx: usize, dy: usize, w: usize, flipped: usize, zeros: usize, n: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32): void {
  const bytes = c << 2, taps = kernel * kernel;
  if (stride == 1) {
    for (let tap = 0; tap < taps; tap++) memory.copy(flipped + tap * bytes, w + (taps - 1 - tap) * bytes, bytes);
    dwconv(dx, dy, flipped, zeros, 0, n * height, height, width, c, kernel, 1, 1);
    return;
  }
  if (kernel == 3) {
    const oh = (height + 1) / 2, from: usize = (width + 1) / 2 * bytes, row: usize = width * bytes;
    for (let b = 0; b < n; b++)
      for (let oy = 0; oy < oh; oy++, dy += from)
        twoRows(dx + <usize>(b * height + 2 * oy) * row, dy, w, 2 * oy + 1 < height, oy + 1 < oh, width, bytes);
    return;
  }
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, pad = kernel >> 1, row = width * bytes;
  clear(dx, n * height * row);
  for (let b = 0; b < n; b++, dx += height * row)
    for (let oy = 0; oy < oh; oy++) {
      const top = oy * stride - pad;
      const ky0 = max(0, -top), ky1 = min(kernel, height - top);
      for (let ox = 0; ox < ow; ox++, dy += bytes) {
        const left = ox * stride - pad;
        const kx0 = max(0, -left), kx1 = min(kernel, width - left);
        for (let ky = ky0; ky < ky1; ky++)
          for (let kx = kx0; kx < kx1; kx++) {
            const to = dx + (top + ky) * row + (left + kx) * bytes, f = w + (ky * kernel + kx) * bytes;
            for (let i = 0; i < bytes; i += 16) v128.store(to + i, madd(v128.load(dy + i), v128.load(f + i), v128.load(to + i)));
          }
      }
    }
}

/** 3x3, stride 2: rows 2 oy and, where there is one (`odd`), 2 oy + 1 of dx, from rows oy and, where there is one (`more`), oy + 1 of dy. */
function twoRows(dx: usize, dy: usize, w: usize, odd: bool, more: bool, width: i32, bytes: i32): void {
  const ow = (width + 1) / 2, none = f32x4.splat(0), below: usize = odd ? <usize>width * bytes : 0;
  for (let i = 0; i < bytes; i += 16) {
    let f = w + i, w00 = none, w01 = none, w02 = none;
    if (more) { w00 = v128.load(f); w01 = v128.load(f + bytes); w02 = v128.load(f + 2 * bytes); }
    f += 3 * bytes;
    const w10 = v128.load(f), w11 = v128.load(f + bytes), w12 = v128.load(f + 2 * bytes);
    f += 3 * bytes;
    const w20 = v128.load(f), w21 = v128.load(f + bytes), w22 = v128.load(f + 2 * bytes);
    let to = dx + i, p = dy + i, q = more ? p + ow * bytes : p, d = v128.load(p), e = v128.load(q);
    for (let ox = 0; ox < ow; ox++, to += bytes) {
      // the lower row first: without one, the upper is written over it
      v128.store(to + below, madd(e, w01, f32x4.mul(d, w21)));
      v128.store(to, f32x4.mul(d, w11));
      if (2 * ox + 1 == width) break;
      let dNext = none, eNext = none;
      if (ox + 1 < ow) { p += bytes; q += bytes; dNext = v128.load(p); eNext = v128.load(q); }
      to += bytes;
      v128.store(to + below, f32x4.add(madd(dNext, w20, f32x4.mul(d, w22)), madd(eNext, w00, f32x4.mul(e, w02))));
      v128.store(to, madd(dNext, w10, f32x4.mul(d, w12)));
      d = dNext; e = eNext;
    }
  }
}

export function dwconvBackwardWeight(dw: usize, x: usize, dy: usize, n: i32, height: i32, width: i32, c: i32, kernel: i32, stride: i32): void {
  const oh = (height + stride - 1) / stride, ow = (width + stride - 1) / stride, pad = kernel >> 1;
  const bytes = c << 2, row = width * bytes, step = stride * bytes;
  const first = min(ow, (pad + stride - 1) / stride), last = max(first, min(ow, (width - kernel + pad) / stride + 1));
  for (let b = 0; b < n; b++, x += height * row)
    for (let oy = 0; oy < oh; oy++, dy += ow * bytes) {
      const top = oy * stride - pad;
      for (let ky = max(0, -top); ky < min(kernel, height - top); ky++) {
        const line = x + (top + ky) * row - pad * bytes, grad = dw + ky * kernel * bytes;
        for (let ox = 0; ox < first; ox++) borderWeight(grad, line, dy, ox, width, bytes, kernel, stride, pad);
        for (let ox = last; ox < ow; ox++) borderWeight(grad, line, dy, ox, width, bytes, kernel, stride, pad);
        if (kernel == 3) for (let i = 0; i < bytes; i += 16) {
          const g = grad + i;
          let a0 = v128.load(g), a1 = v128.load(g + bytes), a2 = v128.load(g + 2 * bytes);
          let from = line + first * step + i, d = dy + first * bytes + i;
          for (let ox = first; ox < last; ox++, from += step, d += bytes) {
            const v = v128.load(d);
            a0 = madd(v, v128.load(from), a0);
            a1 = madd(v, v128.load(from + bytes), a1);
            a2 = madd(v, v128.load(from + 2 * bytes), a2);
          }
          v128.store(g, a0); v128.store(g + bytes, a1); v128.store(g + 2 * bytes, a2);
        } else for (let i = 0; i < bytes; i += 16) {
          const g = grad + i;
          let a0 = v128.load(g), a1 = v128.load(g + bytes), a2 = v128.load(g + 2 * bytes), a3 = v128.load(g + 3 * bytes), a4 = v128.load(g + 4 * bytes);
          let from = line + first * step + i, d = dy + first * bytes + i;
          for (let ox = first; ox < last; ox++, from += step, d += bytes) {
            const v = v128.load(d);
            a0 = madd(v, v128.load(from), a0);
            a1 = madd(v, v128.load(from + bytes), a1);
            a2 = madd(v, v128.load(from + 2 * bytes), a2);
            a3 = madd(v, v128.load(from + 3 * bytes), a3);
            a4 = madd(v, v128.load(from + 4 * bytes), a4);
          }
          v128.store(g, a0); v128.store(g + bytes, a1); v128.store(g + 2 * bytes, a2); v128.store(g + 3 * bytes, a3); v128.store(g + 4 * bytes, a4);
        }
      }
    }
}

/** One output at the border: only the taps inside the row. */
function borderWeight(grad: usize, line: usize, dy: usize, ox: i32, width: i32, bytes: i32, kernel: i32, stride: i32, pad: i32): void {
  const left = ox * stride;
  for (let kx = max(0, pad - left); kx < min(kernel, width + pad - left); kx++) {
    const from = line + (left + kx) * bytes, g = grad + kx * bytes, d = dy + ox * bytes;
    for (let i = 0; i < bytes; i += 16) v128.store(g + i, madd(v128.load(d + i), v128.load(from + i), v128.load(g + i)));
  }
}
