/** A frame's planes and how they are to be read. */
export interface Planes {
  luma: ArrayLike<number>;
  u: ArrayLike<number>;
  v: ArrayLike<number>;
  width: number;
  height: number;
  matrix: "bt601" | "bt709";
  fullRange: boolean;
}

const held = (v: number): number => Math.min(255, Math.max(0, v));

/** Y'CbCr to RGBA, 0..255, not rounded: ITU-R BT.601-7, 2.5, and BT.709-6, 3; chroma of a pixel is that of its 2 x 2 block. */
export function yuv({ luma, u, v, width, height, matrix, fullRange }: Planes): Float64Array {
  const out = new Float64Array(4 * width * height);
  const across = Math.ceil(width / 2);
  for (let i = 0; i < width * height; i++) {
    const chroma = Math.floor(Math.floor(i / width) / 2) * across + Math.floor((i % width) / 2);
    const y = fullRange ? luma[i]! / 255 : (luma[i]! - 16) / 219;
    const cb = (u[chroma]! - 128) / (fullRange ? 255 : 224);
    const cr = (v[chroma]! - 128) / (fullRange ? 255 : 224);
    const rgb =
      matrix === "bt601"
        ? [y + 1.402 * cr, y - (0.114 * 1.772 * cb) / 0.587 - (0.299 * 1.402 * cr) / 0.587, y + 1.772 * cb]
        : [y + 1.5748 * cr, y - (0.0722 * 1.8556 * cb) / 0.7152 - (0.2126 * 1.5748 * cr) / 0.7152, y + 1.8556 * cb];
    rgb.forEach((value, channel) => {
      out[4 * i + channel] = held(255 * value);
    });
    out[4 * i + 3] = 255;
  }
  return out;
}
