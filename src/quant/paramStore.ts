import { type Graph, type Param, valuesOf } from "../graph/graph.js";

/** New parameters by name. What is made from the same sources is made once; no parameter takes the name of another or of a value. */
export class ParamStore {
  readonly params = new Map<string, Param>();
  private readonly values: ReadonlySet<string>;
  private readonly names = new Map<string, string>();

  /** @param graph whose values' names are taken */
  constructor(graph: Graph) {
    this.values = new Set(valuesOf(graph));
  }

  /**
   * The name of the parameter that is made from `sources`, made now if there is none yet.
   * @param wanted its name; with a number behind it where that is another's
   * @param sources all that its values depend on
   */
  add(wanted: string, sources: readonly unknown[], make: () => Param): string {
    const key = JSON.stringify(sources);
    const known = this.names.get(key);
    if (known !== undefined) return known;
    let name = wanted;
    for (let i = 2; this.params.has(name) || this.values.has(name); i++) name = `${wanted}.${i}`;
    this.params.set(name, make());
    this.names.set(key, name);
    return name;
  }
}
