/** Cosines and lengths of vectors from the products of each with each, row by row; the cosine with a vector of length 0 is 0. */
export function cosinesOf(products: readonly number[], count: number): { cosines: number[]; lengths: number[] } {
  const lengths = Array.from({ length: count }, (_, i) => Math.sqrt(products[i * count + i]!));
  const cosines = products.map((product, i) => {
    const both = lengths[Math.floor(i / count)]! * lengths[i % count]!;
    return both > 0 ? product / both : 0;
  });
  return { cosines, lengths };
}
