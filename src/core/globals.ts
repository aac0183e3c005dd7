// Types of what runtimes provide, looked up in what the program's own libraries declare: whoever compiles against Fourway needs neither the
// DOM's types nor Node's.

/** An address: the runtime's URL, or what has its `href`. */
export type Url = typeof globalThis extends { URL: { prototype: infer T } } ? T : { readonly href: string };
/** The runtime's Blob. */
export type BlobObject = typeof globalThis extends { Blob: { prototype: infer T } } ? T : object;
/** The runtime's Response. */
export type FetchResponse = typeof globalThis extends { Response: { prototype: infer T } } ? T : object;
/** The runtime's Request. */
export type FetchRequest = typeof globalThis extends { Request: { prototype: infer T } } ? T : object;
/** The runtime's WebAssembly.Module. */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer T } } } ? T : object;
/** The runtime's WebAssembly.Memory. */
export type WasmMemory = typeof globalThis extends { WebAssembly: { Memory: { prototype: infer T } } } ? T : object;
