/** At most so many items of a list, evenly from it and in its order. */
export function spread<T>(items: readonly T[], most: number): T[] {
  const n = Math.min(most, items.length);
  return Array.from({ length: n }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / n)]!);
}
