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
/** The browser's ImageData; never where the program knows of none, as all that follow. */
export type ImageDataObject = typeof globalThis extends { ImageData: { prototype: infer T } } ? T : never;
/** The browser's ImageBitmap. */
export type ImageBitmapObject = typeof globalThis extends { ImageBitmap: { prototype: infer T } } ? T : never;
/** The browser's names of colour spaces. */
export type ColorSpace = ImageDataObject extends { colorSpace: infer T } ? T : string;
/** The browser's VideoFrame. */
export type VideoFrameObject = typeof globalThis extends { VideoFrame: { prototype: infer T } } ? T : never;
/** The browser's HTMLVideoElement. */
export type VideoElement = typeof globalThis extends { HTMLVideoElement: { prototype: infer T } } ? T : never;
/** The browser's HTMLCanvasElement. */
export type CanvasElement = typeof globalThis extends { HTMLCanvasElement: { prototype: infer T } } ? T : never;
/** The browser's HTMLImageElement. */
export type ImageElement = typeof globalThis extends { HTMLImageElement: { prototype: infer T } } ? T : never;
/** The browser's OffscreenCanvas. */
export type OffscreenCanvasObject = typeof globalThis extends { OffscreenCanvas: { prototype: infer T } } ? T : never;
/** The browser's MediaStream. */
export type MediaStreamObject = typeof globalThis extends { MediaStream: { prototype: infer T } } ? T : never;
/** The browser's MediaStreamTrack. */
export type VideoTrack = typeof globalThis extends { MediaStreamTrack: { prototype: infer T } } ? T : never;
/** A stream of a track's frames. */
export type FrameStream = typeof globalThis extends { ReadableStream: { prototype: infer T } } ? T : never;
/** The runtime's Worker. */
export type WorkerObject = typeof globalThis extends { Worker: { prototype: infer T } } ? T : object;
/** The runtime's AbortSignal. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer T } } ? T : never;
