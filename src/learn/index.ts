// The public API of "fourway/learn", every name written out: stores.

export { opfsStore } from "./opfsStore.js";
export type { StoreOptions } from "./slotStore.js";
export { type LearnStore, memoryStore } from "./store.js";
