/**
 * The typed twin of assembly/index.ts: every kernel with its arguments in the order outputs, inputs, sizes, constants.
 * Pointers are byte offsets into the one imported memory; the contract of each (shapes, alignment, scratch) stands at the head of its
 * file under assembly/. Kernels check nothing: src/ops checks once, when a graph is planned.
 */
export interface Kernels {
  sigmoid(y: number, x: number, n: number): void;
  sigmoidBackward(dx: number, dy: number, y: number, n: number): void;
  bilinear2(y: number, x: number, from: number, to: number, height: number, width: number, c: number): void;
  bilinear2Backward(dx: number, dy: number, n: number, height: number, width: number, c: number): void;
  bilinear2I8(y: number, x: number, from: number, to: number, height: number, width: number, c: number, scale: number): void;
  lookupI8(y: number, x: number, table: number, n: number): void;
  conv1x1(y: number, x: number, w: number, bias: number, m: number, ci: number, co: number, slope: number): void;
  conv1x1BackwardWeight(dw: number, x: number, dy: number, m: number, ci: number, co: number): void;
  biasBackward(db: number, dy: number, m: number, co: number): void;
  packTransposed(wt: number, w: number, ci: number, co: number): void;
  conv3x3(
    y: number,
    x: number,
    w: number,
    bias: number,
    rows: number,
    from: number,
    to: number,
    height: number,
    width: number,
    c: number,
    co: number,
    stride: number,
    slope: number,
  ): void;
  conv3x3BackwardData(
    dx: number,
    dy: number,
    wt: number,
    zeros: number,
    patches: number,
    n: number,
    height: number,
    width: number,
    c: number,
    co: number,
    stride: number,
  ): void;
  conv3x3BackwardWeight(
    dw: number,
    x: number,
    dy: number,
    rows: number,
    n: number,
    height: number,
    width: number,
    c: number,
    co: number,
    stride: number,
  ): void;
  dwconv(
    y: number,
    x: number,
    w: number,
    bias: number,
    from: number,
    to: number,
    height: number,
    width: number,
    c: number,
    kernel: number,
    stride: number,
    slope: number,
  ): void;
  dwconvBackwardData(
    dx: number,
    dy: number,
    w: number,
    flipped: number,
    zeros: number,
    n: number,
    height: number,
    width: number,
    c: number,
    kernel: number,
    stride: number,
  ): void;
  dwconvBackwardWeight(
    dw: number,
    x: number,
    dy: number,
    n: number,
    height: number,
    width: number,
    c: number,
    kernel: number,
    stride: number,
  ): void;
  norm(
    y: number,
    x: number,
    gamma: number,
    beta: number,
    mean: number,
    variance: number,
    saved: number,
    moments: number,
    m: number,
    c: number,
    epsilon: number,
    momentum: number,
    slope: number,
  ): void;
  normBackward(
    dx: number,
    dgamma: number,
    dbeta: number,
    dy: number,
    x: number,
    saved: number,
    moments: number,
    m: number,
    c: number,
    slope: number,
  ): void;
  relu(y: number, x: number, n: number, slope: number): void;
  reluBackward(dx: number, dy: number, y: number, n: number, slope: number): void;
  add(y: number, a: number, b: number, n: number): void;
  copy(y: number, x: number, bytes: number): void;
  upsample2(y: number, x: number, n: number, height: number, width: number, bytes: number): void;
  upsample2Backward(dx: number, dy: number, n: number, height: number, width: number, c: number): void;
  maxpool(y: number, x: number, from: number, to: number, height: number, width: number, c: number): void;
  maxpoolBackward(dx: number, dy: number, x: number, y: number, n: number, height: number, width: number, c: number): void;
  split(even: number, odd: number, x: number, m: number, c: number, xStored: number, halfStored: number): void;
  splitBackward(dx: number, deven: number, dodd: number, m: number, c: number, xStored: number, halfStored: number): void;
  concat(
    y: number,
    a: number,
    b: number,
    m: number,
    aBytes: number,
    bBytes: number,
    aStored: number,
    bStored: number,
    yStored: number,
  ): void;
  concatBackward(
    da: number,
    db: number,
    dy: number,
    m: number,
    aBytes: number,
    bBytes: number,
    aStored: number,
    bStored: number,
    yStored: number,
  ): void;
  byteDot(w: number, x: number): number;
  conv1x1I8(
    y: number,
    x: number,
    w: number,
    bias: number,
    scale: number,
    wide: number,
    rows: number,
    m: number,
    ci: number,
    co: number,
    slope: number,
    flip: number,
  ): void;
  conv1x1I8F32(
    y: number,
    x: number,
    w: number,
    bias: number,
    scale: number,
    wide: number,
    rows: number,
    m: number,
    ci: number,
    co: number,
    slope: number,
    flip: number,
  ): void;
  conv3x3I8(
    y: number,
    x: number,
    w: number,
    bias: number,
    scale: number,
    rows: number,
    from: number,
    to: number,
    height: number,
    width: number,
    c: number,
    co: number,
    stride: number,
    slope: number,
    flip: number,
  ): void;
  dwconvI8(
    y: number,
    x: number,
    w: number,
    bias: number,
    scale: number,
    zeros: number,
    from: number,
    to: number,
    height: number,
    width: number,
    c: number,
    kernel: number,
    stride: number,
    slope: number,
    flip: number,
  ): void;
  addI8(y: number, a: number, b: number, n: number, aScale: number, bScale: number): void;
  maxpoolI8(y: number, x: number, from: number, to: number, height: number, width: number, c: number): void;
  splitI8(even: number, odd: number, x: number, m: number, c: number, xStored: number, halfStored: number): void;
  letterbox(
    out: number,
    rgba: number,
    sums: number,
    rows: number,
    columns: number,
    rowWords: number,
    columnWords: number,
    sw: number,
    first: number,
    last: number,
    left: number,
    top: number,
    w: number,
    h: number,
    width: number,
    height: number,
    flip: number,
  ): void;
  dequantize(y: number, x: number, n: number, scale: number): void;
  colour(y: number, x: number, matrix: number, pixels: number, scale: number): void;
  mapLoss(dout: number, out: number, quality: number, weight: number, cells: number, step: number, scale: number): number;
  presenceLoss(dout: number, out: number, cell: number, target: number, weight: number, n: number, step: number, scale: number): number;
  boxLoss(dout: number, out: number, cell: number, target: number, weight: number, n: number, step: number, scale: number): number;
  adamw(
    w: number,
    dw: number,
    m: number,
    v: number,
    n: number,
    clip: number,
    rate: number,
    decay: number,
    b1: number,
    b2: number,
    c1: number,
    c2: number,
    epsilon: number,
  ): void;
  sgd(w: number, dw: number, v: number, n: number, clip: number, rate: number, decay: number, momentum: number): void;
  average(average: number, w: number, n: number, share: number): void;
  sumSquares(x: number, n: number): number;
}
