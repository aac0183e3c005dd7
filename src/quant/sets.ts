/** Disjoint sets of names: each is alone until it is joined. */
export class Sets {
  private readonly up = new Map<string, string>();

  /** The name that represents a name's whole set. */
  of(name: string): string {
    let top = name;
    for (let next = this.up.get(top); next !== undefined; next = this.up.get(top)) top = next;
    if (top !== name) this.up.set(name, top); // the next way up is short
    return top;
  }

  join(a: string, b: string): void {
    const [from, to] = [this.of(a), this.of(b)];
    if (from !== to) this.up.set(from, to);
  }
}
