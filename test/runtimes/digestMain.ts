// Answers a question given as JSON on the command line of Node, Deno or Bun.
import { answer } from "./digest.js";

console.log(JSON.stringify(await answer(JSON.parse(process.argv[2]!))));
