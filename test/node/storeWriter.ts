// Writes to a store until it is killed (see fileStore.test.ts). Usage: node storeWriter.js FOLDER

import { fileStore } from "../../src/node/fileStore.js";
import { writeUntilKilled } from "../learn/storeContract.js";

await writeUntilKilled(await fileStore(process.argv[2]!), console.log);
