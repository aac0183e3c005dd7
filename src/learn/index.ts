// The public API of "fourway/learn", every name written out: stores.

export { memoryStore } from "./memoryStore.js";
export { opfsStore } from "./opfsStore.js";
export type { StoreOptions } from "./slotStore.js";
export type { LearnStore } from "./store.js";
