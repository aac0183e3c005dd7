/** An upright rectangle: top left corner and size, in pixels of the frame or picture it belongs to. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Overlap of two boxes: area of the intersection over area of the union, 0..1; 0 where both are empty. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}
