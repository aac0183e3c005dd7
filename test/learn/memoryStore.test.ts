import { test } from "node:test";
import { memoryStore } from "../../src/learn/memoryStore.js";
import { checkContract } from "./storeContract.js";

test("a store in memory reads what was written, lists by prefix, deletes and closes", () => checkContract(memoryStore()));
