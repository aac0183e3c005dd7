import { FourwayError } from "../core/errors.js";
import { BinaryReader, BinaryWriter, WireType } from "../generated/wire.js";
import type { Faults } from "./faults.js";

// Protobuf messages by tables of their fields (https://protobuf.dev/programming-guides/encoding). A table holds only what
// is used; other fields are skipped. Tables do not contain themselves, so no file can make the reading deeper than they are.

/** How a field is written: the integers of protobuf (int32, int64, enum) are one kind, a varint, read as a number. */
type Kind = "int" | "float" | "double" | "string" | "bytes" | Table;

/** A field's number in the message, its kind, whether it may stand many times and then how many at most. */
interface Field {
  readonly id: number;
  readonly kind: Kind;
  readonly many: boolean;
  readonly most: number;
}

/** The fields of a message by our names for them, in the order in which they are written. */
type Table = { readonly [name: string]: Field };

type ValueOf<K> = K extends "int" | "float" | "double"
  ? number
  : K extends "string"
    ? string
    : K extends "bytes"
      ? Uint8Array
      : K extends Table
        ? Message<K>
        : never;

/** A message that was read: a list where a field may stand many times, undefined where one is absent. */
export type Message<T extends Table> = {
  [N in keyof T]: T[N]["many"] extends true ? ValueOf<T[N]["kind"]>[] : ValueOf<T[N]["kind"]> | undefined;
};

type DraftValueOf<K> = K extends Table ? Draft<K> : ValueOf<K>;

/** A message to write: what is left out is not written. */
export type Draft<T extends Table> = {
  [N in keyof T]?: T[N]["many"] extends true ? readonly DraftValueOf<T[N]["kind"]>[] : DraftValueOf<T[N]["kind"]> | undefined;
};

/** A field that stands at most once. */
export function one<const K extends Kind>(id: number, kind: K): { id: number; kind: K; many: false; most: number } {
  return { id, kind, many: false, most: 1 };
}

/** A field that may stand many times, `most` at most. */
export function many<const K extends Kind>(id: number, kind: K, most: number): { id: number; kind: K; many: true; most: number } {
  return { id, kind, many: true, most };
}

/** Messages and texts that a file may have in all: each takes some hundred bytes of memory for two of the file. */
const MAX_PARTS = 300_000;

/** How many more messages and texts a file may have. */
interface Allowance {
  parts: number;
}

/** Fields' names by their numbers, a table each. */
const namesOf = new WeakMap<Table, ReadonlyMap<number, string>>();

function fieldNames(table: Table): ReadonlyMap<number, string> {
  let names = namesOf.get(table);
  if (!names) {
    names = new Map(Object.entries(table).map(([name, { id }]) => [id, name]));
    namesOf.set(table, names);
  }
  return names;
}

const WIRE_TYPES = {
  int: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
};

function wireTypeOf(kind: Kind): WireType {
  return typeof kind === "string" ? WIRE_TYPES[kind] : WireType.LengthDelimited;
}

function readValue(reader: BinaryReader, kind: Kind, where: string, faults: Faults, allowance: Allowance): unknown {
  if (typeof kind !== "string" || wireTypeOf(kind) === WireType.LengthDelimited) {
    if (allowance.parts-- <= 0) refuse(faults, `${where}: expected at most ${MAX_PARTS} messages and texts in a file, got more`);
  }
  switch (kind) {
    case "int":
      return Number(reader.int64());
    case "float":
      return reader.float();
    case "double":
      return reader.double();
    case "string":
      return reader.string(true);
    case "bytes":
      return reader.bytes();
    default:
      return readMessage(reader.bytes(), kind, where, faults, allowance);
  }
}

/** Ends all reading with this fault and those before it. */
function refuse(faults: Faults, fault: string): void {
  faults.add(fault);
  faults.throwIfAny();
}

/**
 * Reads a message. `bytes` fields are views of the input, not copies; what is allocated is bounded by the length of the input.
 * Integers beyond 2^53 lose their last digits. Damage (a length beyond the end, a wrong wire type, text that is not UTF-8,
 * a single field given twice) becomes a fault that names the place; what was read before it is returned.
 * @param where what the message is, for the faults: "model.graph".
 * @throws E_ONNX as soon as a field stands more often than its table allows, or a file has too many parts
 */
export function readMessage<T extends Table>(
  bytes: Uint8Array,
  table: T,
  where: string,
  faults: Faults,
  allowance: Allowance = { parts: MAX_PARTS },
): Message<T> {
  const message: Record<string, unknown> = {};
  const names = fieldNames(table);
  for (const name of names.values()) message[name] = table[name]!.many ? [] : undefined;
  const reader = new BinaryReader(bytes);
  let place = where;
  try {
    while (reader.pos < reader.len) {
      place = where;
      const [id, wireType] = reader.tag();
      const name = names.get(id);
      if (name === undefined) {
        reader.skip(wireType, id);
        continue;
      }
      const { kind, many, most } = table[name] as Field;
      place = `${where}.${name}`;
      if (many) {
        const list = message[name] as unknown[];
        if (wireType === WireType.LengthDelimited && wireTypeOf(kind) !== wireType) {
          const packed = new BinaryReader(reader.bytes());
          while (packed.pos < packed.len) {
            if (list.length >= most) refuse(faults, `${place}: expected at most ${most}, got more`);
            list.push(readValue(packed, kind, place, faults, allowance));
          }
          continue;
        }
        if (list.length >= most) refuse(faults, `${place}: expected at most ${most}, got more`);
        place = `${place}[${list.length}]`;
      } else if (message[name] !== undefined && typeof kind !== "string") throw new Error("given twice");
      if (wireType !== wireTypeOf(kind)) throw new Error(`expected wire type ${wireTypeOf(kind)}, got ${wireType}`);
      const value = readValue(reader, kind, place, faults, allowance);
      if (many) (message[name] as unknown[]).push(value);
      else message[name] = value;
    }
  } catch (error) {
    if (error instanceof FourwayError) throw error;
    faults.add(`${place} is damaged at byte ${Math.min(reader.pos, bytes.length)} of ${bytes.length}: ${(error as Error).message}`);
  }
  return message as Message<T>;
}

function writeValue(writer: BinaryWriter, field: Field, value: unknown): void {
  const { id, kind } = field;
  writer.tag(id, wireTypeOf(kind));
  if (kind === "int") writer.int64(value as number);
  else if (kind === "float") writer.float(value as number);
  else if (kind === "double") writer.double(value as number);
  else if (kind === "string") writer.string(value as string);
  else if (kind === "bytes") writer.bytes(value as Uint8Array);
  else {
    writer.fork();
    writeFields(writer, kind, value as Draft<Table>);
    writer.join();
  }
}

function writeFields(writer: BinaryWriter, table: Table, message: Draft<Table>): void {
  for (const [name, field] of Object.entries(table)) {
    const value = message[name] as unknown;
    if (value === undefined) continue;
    for (const item of field.many ? (value as unknown[]) : [value]) writeValue(writer, field, item);
  }
}

/** Writes a message, its fields in the order of the table. Integers must be whole and within 2^53. */
export function writeMessage<T extends Table>(table: T, message: Draft<T>): Uint8Array {
  const writer = new BinaryWriter();
  writeFields(writer, table, message as Draft<Table>);
  return writer.finish();
}
