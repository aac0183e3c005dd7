import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { OPS } from "../src/ops/table.js";

// What ARCHITECTURE.md says of the order of parts, held to.

const root = fileURLToPath(new URL("../../", import.meta.url));
const filesOf = (folder: string): string[] =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .map((file) => join(folder, file).replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && !file.includes("/generated/"));
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

/** The parts from left to right; those of one row do not know each other. */
const ORDER = [
  ["core", "generated"],
  ["scenes", "wasm"],
  ["graph"],
  ["ops"],
  ["program"],
  ["image", "onnx"],
  ["quant"],
  ["model"],
  ["detect"],
  ["data"],
  ["eval"],
  ["train"],
  ["learn"],
  ["engines"],
  ["label"],
  ["report"],
  ["index.ts"],
  ["node", "web"],
  ["cli"],
];
const sources = filesOf("src");
const partOf = (file: string): string => file.split("/")[1]!;
const place = (file: string): number => ORDER.findIndex((row) => row.includes(partOf(file)));

/** Files that the package exports or runs, as in package.json. */
const ENTRIES: string[] = (() => {
  const { exports, bin } = JSON.parse(textOf("package.json")) as { exports: object; bin: object };
  const filesIn = (entry: object | string): string[] => (typeof entry === "string" ? [entry] : Object.values(entry).flatMap(filesIn));
  const made = (entry: string): boolean => entry.includes("/generated/") || entry.endsWith("/workerd.js"); // by the build
  return [...new Set(filesIn({ exports, bin }))].filter((entry) => /^\.\/dist\/src\/.*\.js$/.test(entry) && !made(entry));
})();

/** What a file imports or starts as a worker, type imports too. */
function importsOf(file: string): string[] {
  const text = textOf(file);
  const imported = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const workers = [...text.matchAll(/new URL\("(\.[^"]+\.js)", import\.meta\.url\)/g)].map(([, path]) => path!);
  return [...imported, ...workers];
}

/** A relative import as a path from the root. */
const resolved = (file: string, path: string): string => join(dirname(file), path).replaceAll("\\", "/").replace(/\.js$/, ".ts");

test("every part has its place in the order", () => {
  assert.deepEqual(
    sources.filter((file) => place(file) < 0),
    [],
  );
});

test("imports go to the left only, those of types too", () => {
  const wrong: string[] = [];
  for (const file of sources)
    for (const path of importsOf(file)) {
      if (!path.startsWith(".")) continue;
      const other = resolved(file, path);
      if (partOf(file) === partOf(other)) continue;
      if (!other.startsWith("src/") || place(other) >= place(file)) wrong.push(`${file} imports ${other}`);
    }
  assert.deepEqual(wrong, []);
});

test("no file imports itself in a circle", () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const start = path.indexOf(file);
    assert.ok(start < 0, `circle: ${[...path.slice(start), file].join(" > ")}`);
    if (done.has(file)) return;
    for (const imported of runtimeImports(file)) visit(imported, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
});

/** Relative imports that are there when the program runs, but for what the build makes. */
function runtimeImports(file: string): string[] {
  const { statements } = ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (!(ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) || !statement.moduleSpecifier) return [];
    const { text } = statement.moduleSpecifier as ts.StringLiteral;
    const types = ts.isImportDeclaration(statement) ? statement.importClause?.isTypeOnly : statement.isTypeOnly;
    return types || !text.startsWith(".") || text.startsWith("../generated/") ? [] : [resolved(file, text)];
  });
}

test("only src/node and src/cli know Node; packages that are imported are among the dependencies", () => {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(textOf("package.json")) as Record<string, Record<string, string>>;
  const wrong: string[] = [];
  for (const file of sources)
    for (const path of importsOf(file).filter((each) => !each.startsWith("."))) {
      const ofNode = path.startsWith("node:");
      const name = path
        .split("/")
        .slice(0, path.startsWith("@") ? 2 : 1)
        .join("/");
      if (ofNode ? !["node", "cli"].includes(partOf(file)) : !(name in dependencies || name in peerDependencies))
        wrong.push(`${file} imports ${path}`);
    }
  assert.deepEqual(wrong, []);
});

test("every file of src is reached from what the package exports, its command or a worker", () => {
  const waiting = ENTRIES.map((entry) => entry.replace("./dist/", "").replace(/\.js$/, ".ts"));
  assert.ok(waiting.length >= 3);
  const reached = new Set<string>();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file) || file.includes("/generated/")) continue;
    assert.ok(existsSync(join(root, file)), `${file} is missing`);
    reached.add(file);
    waiting.push(
      ...importsOf(file)
        .filter((path) => path.startsWith("."))
        .map((path) => resolved(file!, path))
        .filter((path) => path.startsWith("src/")),
    );
  }
  assert.deepEqual(
    sources.filter((file) => !reached.has(file)),
    [],
  );
});

/** Names that a statement exports from its own file. */
function exportedNames(statement: ts.Statement): string[] {
  const exported = ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!exported) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  const { name } = statement as ts.Statement & { name?: ts.Identifier };
  return name ? [name.text] : [];
}

/** What a file imports or exports again, as "file name"; "file *" for all of it. */
function namesUsedBy(file: string): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      const { text } = node.moduleSpecifier as ts.StringLiteral;
      const clause = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
      const elements = clause && (ts.isNamedImports(clause) || ts.isNamedExports(clause)) ? [...clause.elements] : undefined;
      if (text.startsWith("."))
        for (const name of elements ? elements.map((element) => (element.propertyName ?? element.name).text) : ["*"])
          names.push(`${resolved(file, text)} ${name}`);
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && ts.isStringLiteral(node.arguments[0]!))
      names.push(`${resolved(file, node.arguments[0].text)} *`);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest));
  return names;
}

test("every export of src is imported by name from another file, or is public", () => {
  const used = new Set([...sources, ...["test", "bench", "examples"].flatMap(filesOf)].flatMap(namesUsedBy));
  const entries = ENTRIES.map((entry) => entry.replace("./dist/", "").replace(/\.js$/, ".ts"));
  const unused = sources
    .filter((file) => !entries.includes(file) && !used.has(`${file} *`))
    .flatMap((file) =>
      ts
        .createSourceFile(file, textOf(file), ts.ScriptTarget.Latest)
        .statements.flatMap(exportedNames)
        .filter((name) => !used.has(`${file} ${name}`))
        .map((name) => `${file}: ${name}`),
    );
  assert.deepEqual(unused, []);
});

test("every export of src says what it is, alone or at the head of its group of lines", () => {
  const exported = /^export (?:async )?(?:function|const|class|interface|type) \w/;
  const silent = sources.flatMap((file) => {
    const lines = textOf(file).split("\n");
    const told = (i: number): boolean =>
      /\*\/$/.test(lines[i - 1] ?? "") || (/;$/.test(lines[i - 1] ?? "") && exported.test(lines[i - 1]!) && told(i - 1));
    return lines.flatMap((line, i) => (exported.test(line) && !told(i) ? [`${file}:${i + 1}: ${line}`] : []));
  });
  assert.deepEqual(silent, []);
});

test("every op has its kernel, its table entry, its oracle and its test under one name", () => {
  for (const op of Object.keys(OPS))
    for (const file of [`assembly/f32/${op}.ts`, `src/ops/${op}.ts`, `test/oracle/${op}.ts`, `test/ops/${op}.test.ts`])
      assert.ok(existsSync(join(root, file)), `${file} is missing`);
});

test("every int8 kernel is the twin of an f32 one, and every kernel of training has a test", () => {
  for (const file of filesOf("assembly/i8")) {
    if (/\/(product|lookup)\.ts$/.test(file)) continue; // what the convolutions and what the pointwise ops share
    assert.ok(existsSync(join(root, file.replace("/i8/", "/f32/"))), `${file} has no f32 twin`);
    assert.match(textOf(`src/ops/${file.split("/").pop()}`), /forwardI8/);
  }
  for (const file of filesOf("assembly/train"))
    assert.ok(existsSync(join(root, file.replace("assembly/train/", "test/kernels/").replace(/ts$/, "test.ts"))), `${file} has no test`);
});

test("kernels allocate nothing, grow nothing and import nothing but each other", () => {
  for (const file of filesOf("assembly")) {
    const code = textOf(file).replace(/\/\/.*|\/\*[\s\S]*?\*\//g, "");
    assert.doesNotMatch(code, /\bnew\b|memory\.grow|heap\.|__new|\bstring\b/, file);
    for (const path of importsOf(file)) assert.ok(path.startsWith("."), `${file} imports ${path}`);
  }
});

test("no file is longer than 350 lines", () => {
  const long = [...sources, ...filesOf("assembly")]
    .map((file) => ({ file, lines: textOf(file).split("\n").length - 1 }))
    .filter(({ lines }) => lines > 350);
  assert.deepEqual(long, []);
});

test("nothing names a folder outside of the project, and no work is left to do in a comment", () => {
  // letters in brackets: so that this file has no such mark itself
  const marks = /\/work\/|\b(?:TO[D]O|FI[X]ME|XX[X])\b/;
  for (const file of ["src", "assembly", "test", "bench", "examples"].flatMap(filesOf)) assert.doesNotMatch(textOf(file), marks, file);
});
