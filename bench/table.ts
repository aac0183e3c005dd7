/** Lines of an aligned table: the first `left` columns to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], left = 1): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number): string => (column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!));
  const line = (row: readonly string[]): string => row.map(pad).join("  ").trimEnd();
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}
