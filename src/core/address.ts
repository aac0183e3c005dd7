import type { FetchResponse, Url } from "./globals.js";

/** Addresses that are URLs; everything else is a path, or in a page relative to it. A drive letter is no scheme. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i;
/** What a page begins with; neither a model nor WebAssembly does. */
const LESS_THAN = 0x3c;

/**
 * The bytes behind a path or URL: from disk where the runtime has one (Node, Deno, Bun), else fetched.
 * @throws Error whose message is the reason where nothing can be read there
 */
export async function readAddress(source: string | Url): Promise<Uint8Array<ArrayBuffer>> {
  // asked for at run time, so that bundlers for browsers find no import to resolve
  const files = globalThis.process?.getBuiltinModule?.("node:fs/promises");
  const address = typeof source === "string" && SCHEME.test(source) ? new URL(source) : source;
  if (files && (typeof address === "string" || address.protocol === "file:")) return new Uint8Array(await files.readFile(address));
  return readResponse(await fetch(address));
}

/** The bytes of a response. @throws Error for a bad status, or a page where servers send one in place of what is missing */
export async function readResponse(response: FetchResponse): Promise<Uint8Array<ArrayBuffer>> {
  if (!response.ok) throw new Error(`status ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (isPage(bytes)) throw new Error("the server sent HTML instead");
  return bytes;
}

/** Bytes as callers hold them. */
export type Bytes = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** What kind of object a value is, by its own word: true also for objects of another realm (an iframe, a test's environment), unlike instanceof. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * A view of the bytes that a buffer, typed array or DataView of any realm holds (of shared ones a copy: a text decoder and a compiler take no
 * others); undefined for anything else.
 */
export function viewOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const [buffer, at, length] = ArrayBuffer.isView(value) ? [value.buffer, value.byteOffset, value.byteLength] : [value as ArrayBuffer];
  const kind = kindOf(buffer);
  if (kind !== "ArrayBuffer" && kind !== "SharedArrayBuffer") return undefined;
  const bytes = new Uint8Array(buffer as ArrayBuffer, at, length);
  return kind === "ArrayBuffer" ? bytes : bytes.slice();
}

/** A module that holds a value, as `import()` gives it. */
export interface DefaultExport<T> {
  readonly default: T;
}

/** A value, a module that holds it, or a promise of one of them. */
export type Loadable<T> = T | DefaultExport<T> | PromiseLike<T | DefaultExport<T>>;

/** What a promise gives; of a module, its default export. */
export async function unwrapped(source: unknown): Promise<unknown> {
  const value = await source;
  return typeof value === "object" && value !== null && "default" in value ? value.default : value;
}

/** Whether bytes begin as a page does. */
export function isPage(bytes: Uint8Array): boolean {
  return bytes[0] === LESS_THAN;
}
