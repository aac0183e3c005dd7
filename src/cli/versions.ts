import type { Command } from "commander";
import { FourwayError } from "../core/errors.js";
import { Learner, type Version } from "../learn/index.js";
import { Archive } from "../learn/versions.js";
import { fileStore } from "../node/fileStore.js";
import { checkWritable, safeWrite } from "../node/safeWrite.js";
import { numberIn, tableLines } from "./values.js";

/** Adds `fourway versions` and `fourway rollback` to the program. */
export function addVersions(program: Command): void {
  program
    .command("versions")
    .description("list what a store of `fourway learn` has learned; the store may be in use")
    .argument("<dir>", "the store")
    .option("--json", "as JSON on stdout")
    .action(runVersions);
  program
    .command("rollback")
    .description("take an earlier version of a store into use again; later ones and all frames stay")
    .argument("<dir>", "the store")
    .argument(
      "<version>",
      "its number, as `fourway versions` prints it; 0 is the model that the store began with",
      numberIn({ least: 0, most: 1e6, whole: true }),
    )
    .option("--out <file>", "also write the model, an int8 ONNX")
    .action(runRollback);
}

/** The error of a folder that is no store. */
function noStore(dir: string): FourwayError {
  return new FourwayError("E_DATA", `${dir}: expected a store with versions, got none; fourway learn --store ${dir} begins one`);
}

async function runVersions(dir: string, { json }: { json?: boolean }): Promise<void> {
  const store = await fileStore(dir, { readOnly: true, onNotice: console.error });
  try {
    const archive = new Archive(store);
    const head = await archive.head();
    if (!head) throw noStore(dir);
    const versions = await archive.versions();
    if (json) console.log(JSON.stringify({ head: head.id, versions }, null, 2));
    else console.log(versionLines(versions, head.id).join("\n"));
  } finally {
    await store.close();
  }
}

function versionLines(versions: readonly Version[], head: number): string[] {
  const rows = versions.map(({ id, parent, what, steps, seed, frames, guard, sha256 }) => {
    const tasks = (kept: boolean): string =>
      Object.keys(guard)
        .filter((task) => guard[task]!.kept === kept)
        .join(", ") || "-";
    const learned = parent === null ? "as opened" : (what ?? "tasks");
    return [
      id === head ? "*" : "",
      String(id),
      parent === null ? "-" : String(parent),
      learned,
      String(steps),
      String(frames.length),
      String(seed),
      tasks(true),
      tasks(false),
      sha256.slice(0, 12),
    ];
  });
  return [
    ...tableLines([["", "version", "from", "learned", "steps", "frames", "seed", "kept", "refused", "sha256"], ...rows], [1, 2, 4, 5, 6]),
    "* in use",
  ];
}

async function runRollback(dir: string, id: number, { out }: { out?: string }): Promise<void> {
  if (out !== undefined) await checkWritable(out);
  const look = await fileStore(dir, { readOnly: true });
  const head = await new Archive(look).head();
  await look.close();
  if (!head) throw noStore(dir);
  const store = await fileStore(dir, { onNotice: console.error });
  try {
    const learner = await Learner.open(await new Archive(store).model(0), { store });
    const version = await learner.rollback(id);
    if (out !== undefined) await safeWrite(out, await learner.export());
    console.log(`version ${version.id} is in use (before: ${head.id})`);
  } finally {
    await store.close();
  }
}
