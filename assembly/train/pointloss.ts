// Loss of points (landmarks) on the cells that answer for an object, value and gradient together.
//   p          2 k floats of a cell: x and y of each point, from the cell's point, in sizes of the cell's box; t: the target's, in sizes of the labelled object
//   loss       weight / (2 k) sum over i of huber(gain p_i - t_i) scale; huber(d) = d^2 / (2 B) where |d| < B, else |d| - B / 2; B = 0.1
//   gain       size of the cell's box / the labelled object's; it is taken for a constant: points do not teach the box
//   out dout   f32, p at out, step bytes a cell; cell i32 [n]; target f32 [n, 2 k]; gain weight f32 [n]
//   returns    the sum of the losses;  writes the 2 k floats of dout at the cells
//   source     smooth L1: arXiv 1504.08083; errors relative to the object's size, so that near and far ones count alike

const B: f32 = 0.1;

export function pointLoss(dout: usize, out: usize, cell: usize, target: usize, gain: usize, weight: usize, n: i32, step: i32, count: i32, scale: f32): f32 {
  let total: f32 = 0;
  for (let i = 0; i < n; i++, target += count << 2) {
    const at = load<i32>(cell + (i << 2)) * step;
    const g = load<f32>(gain + (i << 2)), w = load<f32>(weight + (i << 2)) * scale / <f32>count;
    for (let j = 0; j < count << 2; j += 4) {
      const d = g * load<f32>(out + at + j) - load<f32>(target + j), far = abs(d);
      total += w * (far < B ? d * d / (2 * B) : far - B / 2);
      store<f32>(dout + at + j, w * g * max<f32>(-1, min<f32>(1, d / B)));
    }
  }
  return total;
}
