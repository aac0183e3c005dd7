import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { writeImage } from "../src/node/image.js";
import { drawScene } from "../src/scenes/scene.js";

// What the documents show and link to is there and works as it stands.

const root = fileURLToPath(new URL("../../", import.meta.url));
const documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "models/README.md"].concat(
  ["docs", "docs/decisions", "docs/lab"].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".md") ? [`${folder}/${name}`] : [])),
  ),
);
const textOf = (document: string): string => readFileSync(join(root, document), "utf8");

/** Fenced blocks of TypeScript and JavaScript, with the line where each begins. */
const snippets = documents.flatMap((document) =>
  [...textOf(document).matchAll(/^```(?:ts|js|typescript|javascript)\n([\s\S]*?)^```$/gm)].map(({ index, 1: code }) => ({
    name: `${document}:${textOf(document).slice(0, index).split("\n").length}`,
    code: code!,
  })),
);

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
  types: ["node"],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

test("the README shows how to use the package in Node and in a browser", () => {
  assert.ok(snippets.filter(({ name }) => name.startsWith("README.md")).length >= 2);
});

test("the snippets of all documents compile under strict, against the package as its users import it", () => {
  const files = new Map(snippets.map(({ code }, i) => [join(root, `snippet-${i}.mts`), code]));
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.getSourceFile = (path, target) => {
    const code = files.get(path);
    return code === undefined ? getSourceFile(path, target) : ts.createSourceFile(path, code, target);
  };
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  const faults = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const at = [...files.keys()].indexOf(file?.fileName ?? "");
    return `${snippets[at]?.name ?? file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
  assert.deepEqual(faults, []);
});

for (const { name, code } of snippets.filter((snippet) => snippet.code.includes('"fourway/node"')))
  test(`${name}: the snippet runs in Node on a drawn picture`, async () => {
    const folder = mkdtempSync(join(root, "dist/snippet-")); // within the package, so that "fourway" is the package itself
    try {
      await writeImage(join(folder, "street.jpg"), drawScene(1, 8, { width: 640, height: 400 }).frame);
      writeFileSync(join(folder, "snippet.mjs"), ts.transpile(code, { ...OPTIONS, module: ts.ModuleKind.ESNext }));
      const { status, stdout, stderr } = spawnSync(process.execPath, ["snippet.mjs"], { cwd: folder, encoding: "utf8" });
      assert.equal(status, 0, stderr);
      if (!code.includes("console.log")) return;
      assert.match(stdout, /^\{\n? *pedestrian: [\d.]+,/);
      assert.match(stdout, /^car 0\.\d+ /m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

for (const { name, code } of snippets.filter((snippet) => snippet.name.startsWith("docs/runtimes.md")))
  test(`${name}: the snippet loads a detector in Node${code.includes("Request") ? ", and answers to a request" : ""}`, () => {
    const program = ts.transpile(code, { ...OPTIONS, module: ts.ModuleKind.ESNext });
    const asked = `
      const { data, width, height } = (await import("fourway")).drawScene(1, 8, { width: 640, height: 400 }).frame;
      const answer = await look(new Request(\`http://localhost/?width=\${width}&height=\${height}\`, { method: "POST", body: data }));
      console.log((await answer.json()).objects.map(({ task }) => task).join());`;
    const loaded = `${program}\nconst own = await detector;\nconsole.log(own.tasks.length);${code.includes("Request") ? asked : ""}\nawait own.dispose();`;
    // a minute less: V8 would optimise all of onnxruntime before the process ends
    const flags = ["--liftoff-only", "--input-type=module", "-e", loaded];
    const { status, stdout, stderr } = spawnSync(process.execPath, flags, { cwd: root, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^4$/m);
    if (code.includes("Request")) assert.match(stdout, /^.*\bcar\b/m);
  });

test("links and pictures of all documents lead to files of the project", () => {
  const dead = documents.flatMap((document) =>
    [...textOf(document).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, link]) => link!)
      .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(root, dirname(document), link)))
      .map((link) => `${document}: ${link}`),
  );
  assert.deepEqual(dead, []);
});
