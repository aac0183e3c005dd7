import type { Param } from "../graph/graph.js";

/** Channels as stored: 3 (the input) stays 3, all else is padded to a multiple of 8 with zeros. */
export function stored(channels: number): number {
  return channels === 3 ? 3 : Math.ceil(channels / 8) * 8;
}

/** Rows of a 3x3 convolution's weight panels: 9 taps of the stored channels. */
export function depth3x3(channels: number): number {
  return 9 * stored(channels);
}

/** How a parameter lies in the kernels' memory. `read` puts a packed f32 block back into ONNX order. */
export interface Layout {
  /** Values, not bytes. */
  length(dims: readonly number[]): number;
  /** Where value `index` of the row-major ONNX order goes. */
  at(dims: readonly number[], index: number): number;
  /** A second position for the same value, where a kernel reads some values twice. */
  again?(dims: readonly number[], index: number): number | undefined;
}

/** bias, gamma, beta, mean, variance [c]: padded with zeros. */
export const VECTOR: Layout = {
  length: ([c]) => stored(c!),
  at: (_, index) => index,
};

/** 1x1 weights [co, ci, 1, 1] to panels [co / 8][ci][8]. */
export const PANELS: Layout = {
  length: ([co, ci]) => stored(co!) * stored(ci!),
  at: ([, ci], index) => {
    const o = Math.floor(index / ci!);
    return ((o >> 3) * stored(ci!) + (index % ci!)) * 8 + (o & 7);
  },
};

/** 3x3 weights [co, ci, 3, 3] to panels [co / 8][k][8], k = (tap, ci). */
export const PANELS3X3: Layout = {
  length: ([co, ci]) => stored(co!) * depth3x3(ci!),
  at: ([, ci], index) => {
    const tap = index % 9;
    const i = Math.floor(index / 9) % ci!;
    const o = Math.floor(index / (9 * ci!));
    return ((o >> 3) * depth3x3(ci!) + tap * stored(ci!) + i) * 8 + (o & 7);
  },
};

/** Depthwise weights [c, 1, k, k] to [k, k, c]. */
export const TAPS: Layout = {
  length: ([c, , k]) => k! * k! * stored(c!),
  at: ([c, , k], index) => (index % (k! * k!)) * stored(c!) + Math.floor(index / (k! * k!)),
};

/** int8 twins, i16: panels [co / 8][k / 2][8][2], two rows of a panel side by side. */
export const PAIR_PANELS: Layout = { length: PANELS.length, at: (dims, index) => grouped(PANELS.at(dims, index), 2) };

/** The same for 3x3: each kernel row's 3 ci taps are filled up to an even number. */
export const PAIR_PANELS3X3: Layout = rowPanels(2);

/** int8 for CPUs with dot products of bytes: panels [co / 8][k / 4][8][4], four rows of a panel side by side. */
export const QUAD_PANELS: Layout = { length: PANELS.length, at: (dims, index) => grouped(PANELS.at(dims, index), 4) };

/** The same for 3x3: each kernel row's 3 ci taps are filled up to a multiple of four. */
export const QUAD_PANELS3X3: Layout = rowPanels(4);

/** Panels of 3x3 weights, each kernel row's taps filled up to whole groups. */
function rowPanels(group: number): Layout {
  const runOf = (ci: number): number => Math.ceil((3 * stored(ci)) / group) * group;
  return {
    length: ([co, ci]) => stored(co!) * 3 * runOf(ci!),
    at: ([, ci], index) => {
      const tap = index % 9;
      const i = Math.floor(index / 9) % ci!;
      const o = Math.floor(index / (9 * ci!));
      const row = Math.floor(tap / 3) * runOf(ci!) + (tap % 3) * stored(ci!) + i;
      return grouped(((o >> 3) * 3 * runOf(ci!) + row) * 8 + (o & 7), group);
    },
  };
}

/** Where a panel's value goes when `group` of its rows at a time are interleaved. */
function grouped(at: number, group: number): number {
  const row = at >> 3;
  return (row - (row % group)) * 8 + (at & 7) * group + (row % group);
}

/**
 * int8 depthwise weights, i16: for each four channels [vector][4][2], as in assembly/i8/dwconv.ts. The last row's taps are in two
 * vectors each, once in either half of a pair.
 */
export const PAIR_TAPS: Layout = {
  length: ([c, , k]) => pairVectors(k!) * 2 * stored(c!),
  at: ([, , k], index) => {
    const { channel, ky, kx } = tapOf(k!, index);
    return pairTap(k!, channel, ky === k! - 1 ? (k! >> 1) * k! + kx + 1 : (ky >> 1) * k! + kx, ky & 1);
  },
  again: ([, , k], index) => {
    const { channel, ky, kx } = tapOf(k!, index);
    return ky === k! - 1 ? pairTap(k!, channel, (k! >> 1) * k! + kx, 1) : undefined;
  },
};

/** k for each two rows but the last, then one more than k for the last row. */
function pairVectors(k: number): number {
  return (k >> 1) * k + k + 1;
}

function pairTap(k: number, channel: number, vector: number, half: number): number {
  return ((channel >> 2) * pairVectors(k) + vector) * 8 + (channel & 3) * 2 + half;
}

/** int8 depthwise weights for dot products of bytes: for each four channels [vector][4][4], as in assembly/i8/dwconv.ts. */
export const QUAD_TAPS: Layout = {
  length: ([c, , k]) => quadVectors(k!) * 4 * stored(c!),
  at: ([, , k], index) => {
    const { channel, ky, kx } = tapOf(k!, index);
    return ky < 4 ? quadTap(k!, channel, kx, ky) : quadTap(k!, channel, k! + kx + 1, 0);
  },
  again: ([, , k], index) => {
    const { channel, ky, kx } = tapOf(k!, index);
    return ky < 4 ? undefined : quadTap(k!, channel, k! + kx, 1);
  },
};

/** k for up to four rows, and k + 1 for a fifth. */
function quadVectors(k: number): number {
  return k > 4 ? 2 * k + 1 : k;
}

function quadTap(k: number, channel: number, vector: number, quarter: number): number {
  return ((channel >> 2) * quadVectors(k) + vector) * 16 + (channel & 3) * 4 + quarter;
}

function tapOf(k: number, index: number) {
  const tap = index % (k * k);
  return { channel: Math.floor(index / (k * k)), ky: Math.floor(tap / k), kx: tap % k };
}

/** Writes a parameter into `to` (cleared first); `to` has `layout.length(dims)` values. */
export function pack(param: Param, layout: Layout, to: Float32Array | Int8Array | Int16Array | Int32Array): void {
  to.fill(0);
  const { dims, data } = param;
  for (let i = 0; i < data.length; i++) {
    to[layout.at(dims, i)] = data[i]!;
    const again = layout.again?.(dims, i);
    if (again !== undefined) to[again] = data[i]!;
  }
}

/** Reads a parameter back from its packed block. */
export function unpack(param: Param, layout: Layout, from: Float32Array): void {
  const { dims, data } = param;
  for (let i = 0; i < data.length; i++) data[i] = from[layout.at(dims, i)]!;
}
