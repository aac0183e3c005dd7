import { Fault, quote } from "./faults.js";
import { ATTRIBUTE_TYPE, type AttributeDraft, type OnnxAttribute, type OnnxNode, type OnnxTensor } from "./schema.js";

/** A node's attributes, asked for by name and type. Each throws Fault where the file gives another type. */
export interface Attributes {
  int(name: string, absent: number): number;
  float(name: string, absent: number): number;
  string(name: string, absent: string): string;
  ints(name: string): number[] | undefined;
  floats(name: string): number[] | undefined;
  tensor(name: string): OnnxTensor | undefined;
}

/** The attributes of a node. Throws Fault where one is not among `known` (its meaning would be lost) or is given twice. */
export function attributesOf(node: OnnxNode, known: readonly string[]): Attributes {
  const byName = new Map<string, OnnxAttribute>();
  for (const attribute of node.attributes) {
    const name = attribute.name ?? "";
    if (!known.includes(name)) throw new Fault(`expected no attribute but ${known.join(", ") || "none"}, got ${quote(name)}`);
    if (byName.has(name)) throw new Fault(`expected ${name} once, got it twice`);
    if (attribute.reference) throw new Fault(`expected a value for ${name}, got a reference`);
    byName.set(name, attribute);
  }
  const find = (name: string, type: keyof typeof ATTRIBUTE_TYPE): OnnxAttribute | undefined => {
    const attribute = byName.get(name);
    if (attribute && attribute.type !== ATTRIBUTE_TYPE[type])
      throw new Fault(`expected ${name} of type ${ATTRIBUTE_TYPE[type]} (${type}), got type ${attribute.type ?? 0}`);
    return attribute;
  };
  return {
    int: (name, absent) => {
      const attribute = find(name, "int");
      return attribute ? (attribute.int ?? 0) : absent;
    },
    float: (name, absent) => {
      const attribute = find(name, "float");
      return attribute ? (attribute.float ?? 0) : absent;
    },
    string: (name, absent) => {
      const attribute = find(name, "string");
      return attribute ? new TextDecoder().decode(attribute.string?.subarray(0, 100)) : absent;
    },
    ints: (name) => find(name, "ints")?.ints,
    floats: (name) => find(name, "floats")?.floats,
    tensor: (name) => find(name, "tensor")?.tensor,
  };
}

/** The shortest decimal that rounds to the same float32: 0.1 where the file holds 0.10000000149. */
export function shortest(value: number): number {
  const exact = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(exact.toPrecision(digits));
    if (Math.fround(short) === exact) return short;
  }
  return exact;
}

/** Attributes to write. */
export const int = (name: string, value: number): AttributeDraft => ({ name, type: ATTRIBUTE_TYPE.int, int: value });
export const ints = (name: string, values: number[]): AttributeDraft => ({ name, type: ATTRIBUTE_TYPE.ints, ints: values });
export const float = (name: string, value: number): AttributeDraft => ({ name, type: ATTRIBUTE_TYPE.float, float: Math.fround(value) });
export const string = (name: string, value: string): AttributeDraft => ({
  name,
  type: ATTRIBUTE_TYPE.string,
  string: new TextEncoder().encode(value),
});
