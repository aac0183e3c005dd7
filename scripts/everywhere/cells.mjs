// The places where Fourway is to work, each a small project of its own. A cell:
//   tools   packages that its project installs, beside Fourway
//   files   what lies in it, beside program.js (below)
//   steps   commands that build it
//   run     how it answers: `command` prints the answer; a page answers for itself, from a folder that is served (`pages`) or from a server that
//           `serve` starts on the port it is given; a server that answers itself does so at the path `answers`
//   threads false where it cannot have two (and says so)

/** What each program does. */
export const PROGRAM = `import { Detector, drawScene } from "fourway";

/** Everything found in a drawn street, by as many threads. */
export async function look(threads) {
  const detector = await Detector.load(undefined, { threads });
  const { presence, objects } = detector.detect(drawScene(1, 8, { width: 640, height: 400 }).frame);
  const answer = { found: JSON.stringify({ presence, objects }), threads: detector.threads, reason: detector.singleThreadReason };
  detector.dispose();
  return answer;
}
`;
/** Asks it twice: alone and in two threads. */
const BOTH = `const both = async () => [await look(1), await look(2)];
const inWords = (work) => work.catch((error) => ({ error: String(error) }));
`;
const PRINT = `import { look } from "./program.js";
${BOTH}inWords(both()).then((answer) => console.log(JSON.stringify(answer)));
`;
/** Pages are told by their address where to send the answer. */
const SEND = `const send = (answer) => fetch(new URLSearchParams(location.search).get("to"), { method: "POST", body: JSON.stringify(answer) });
`;
const PAGE_SCRIPT = `import { look } from "./program.js";
${BOTH}${SEND}inWords(both()).then(send);
`;
const page = (script) => `<!doctype html><meta charset="utf-8"><title>Fourway</title>${script}`;
const MODULE_PAGE = page('<script type="module" src="main.js"></script>');
const CLASSIC_PAGE = page('<script src="main.js"></script>');
const ISOLATED = '{ "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }';
const viteConfig = `export default { server: { headers: ${ISOLATED} }, preview: { headers: ${ISOLATED} } };
`;
const bin = (name, ...args) => ["npx", "--no-install", name, ...args];
const own = (name) => process.getBuiltinModule("node:path").resolve("build/runtimes/node_modules", name);

const vite = (version, extra = {}) => ({
  [`Vite ${version} dev`]: {
    tools: { vite: version === 7 ? "7.3.8" : "8.4.0" },
    files: { "index.html": MODULE_PAGE.replace("main.js", "/main.js"), "main.js": PAGE_SCRIPT, "vite.config.js": viteConfig },
    serve: (port) => bin("vite", "--port", port, "--strictPort", "--host", "127.0.0.1"),
    ...extra,
  },
  [`Vite ${version} build`]: {
    tools: { vite: version === 7 ? "7.3.8" : "8.4.0" },
    files: { "index.html": MODULE_PAGE.replace("main.js", "/main.js"), "main.js": PAGE_SCRIPT },
    steps: [bin("vite", "build")],
    pages: "dist",
  },
});

/** A page whose script a bundler writes to out/main.js. */
const bundled = (tools, steps, { html = MODULE_PAGE, files = {} } = {}) => ({
  tools,
  files: { "main.in.js": PAGE_SCRIPT, "out/index.html": html, ...files },
  steps,
  pages: "out",
});

const node = (version, command) => ({ [`Node ${version}`]: { files: { "run.js": PRINT }, command: [command, "run.js"] } });

/** All cells by name. Those with `short` are part of every check (.ci/run). */
export const CELLS = {
  ...node(20, process.execPath),
  ...node(22, own("node22/bin/node")),
  ...node(24, own("node24/bin/node")),
  ...node(26, own("node26/bin/node")),
  "Deno, no permission": { files: { "run.js": PRINT }, command: [own("deno/deno"), "run", "--no-prompt", "--no-lock", "run.js"] },
  Bun: { files: { "run.js": PRINT }, command: [own("bun/bin/bun.exe"), "run.js"] },
  "bun build, for Node": {
    files: { "run.js": PRINT },
    steps: [[own("bun/bin/bun.exe"), "build", "run.js", "--target=node", "--outfile=moved/run.mjs"]],
    command: [process.execPath, "moved/run.mjs"],
  },
  "bun build --compile": {
    files: { "run.js": PRINT },
    steps: [[own("bun/bin/bun.exe"), "build", "run.js", "--compile", "--outfile=moved/run"]],
    command: ["./moved/run"],
  },
  "bun build, for browsers": bundled({}, [[own("bun/bin/bun.exe"), "build", "main.in.js", "--outfile=out/main.js"]]),
  "esbuild, for Node, ESM": {
    tools: { esbuild: "0.28.2" },
    files: { "run.js": PRINT },
    steps: [bin("esbuild", "run.js", "--bundle", "--platform=node", "--format=esm", "--outfile=moved/run.mjs")],
    command: [process.execPath, "moved/run.mjs"],
  },
  "esbuild, for Node, CommonJS": {
    tools: { esbuild: "0.28.2" },
    files: { "run.js": PRINT },
    steps: [bin("esbuild", "run.js", "--bundle", "--platform=node", "--outfile=moved/run.cjs")],
    command: [process.execPath, "moved/run.cjs"],
  },
  "esbuild, its defaults": bundled({ esbuild: "0.28.2" }, [bin("esbuild", "main.in.js", "--bundle", "--outfile=out/main.js")], {
    html: CLASSIC_PAGE,
  }),
  "esbuild, ESM, split": {
    ...bundled({ esbuild: "0.28.2" }, [bin("esbuild", "main=main.in.js", "--bundle", "--format=esm", "--splitting", "--outdir=out")]),
    short: true,
  },
  Rollup: bundled({ rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" }, [
    bin("rollup", "-i", "main.in.js", "-d", "out", "-p", "node-resolve", "--entryFileNames", "main.js"),
  ]),
  rolldown: bundled({ rolldown: "1.3.3" }, [bin("rolldown", "main.in.js", "-d", "out", "--entry-file-names", "main.js")]),
  webpack: {
    ...bundled({ webpack: "5.113.0", "webpack-cli": "7.3.1" }, [
      bin("webpack", "--mode=production", "--entry=./main.in.js", "--output-path=./out", "--output-filename=main.js"),
    ]),
    short: true,
  },
  "webpack, for Node": {
    tools: { webpack: "5.113.0", "webpack-cli": "7.3.1" },
    files: { "run.js": PRINT, "moved/package.json": '{ "type": "commonjs" }' },
    steps: [bin("webpack", "--mode=production", "--target=node", "--entry=./run.js", "--output-path=./moved", "--output-filename=run.js")],
    command: [process.execPath, "moved/run.js"],
  },
  ...vite(7, { short: true }),
  ...vite(8),
  Parcel: {
    tools: { parcel: "2.16.4" },
    files: { "index.html": MODULE_PAGE, "main.js": PAGE_SCRIPT },
    steps: [bin("parcel", "build", "index.html", "--dist-dir", "out", "--no-cache")],
    pages: "out",
    short: true,
  },
  "Jest, CommonJS": {
    tools: { jest: "30.5.2" },
    type: "commonjs",
    files: {
      "look.test.js": `const { writeFileSync } = require("node:fs");
const { Detector, drawScene } = require("fourway");
test("detects", async () => {
  const answers = [];
  for (const threads of [1, 2]) {
    const detector = await Detector.load(undefined, { threads });
    const { presence, objects } = detector.detect(drawScene(1, 8, { width: 640, height: 400 }).frame);
    answers.push({ found: JSON.stringify({ presence, objects }), threads: detector.threads, reason: detector.singleThreadReason });
    detector.dispose();
  }
  writeFileSync("answer.json", JSON.stringify(answers));
}, 60000);
`,
    },
    steps: [bin("jest")],
    command: ["cat", "answer.json"],
  },
  "classic script": {
    files: {
      "copy.js": `import { copyFileSync, readFileSync } from "node:fs";
const { unpkg } = JSON.parse(readFileSync("node_modules/fourway/package.json", "utf8"));
copyFileSync(\`node_modules/fourway/\${unpkg}\`, "out/fourway.js");
`,
      "out/index.html": page(`<script src="fourway.js"></script><script src="main.js"></script>`),
      "out/main.js": `${PROGRAM.replace('import { Detector, drawScene } from "fourway"', "const { Detector, drawScene } = fourway").replace("export ", "")}${BOTH}${SEND}inWords(both()).then(send);
`,
    },
    steps: [[process.execPath, "copy.js"]],
    pages: "out",
  },
  "service worker, one file": {
    ...bundled({ esbuild: "0.28.2" }, [bin("esbuild", "worker.js", "--bundle", "--outfile=out/worker.js")], {
      files: {
        "worker.js": `import { look } from "./program.js";
${BOTH}self.onmessage = ({ data, source }) => inWords(both()).then((answer) => source.postMessage(answer));
self.onactivate = (event) => event.waitUntil(clients.claim());
self.oninstall = () => self.skipWaiting();
`,
        "out/main.js": `${SEND}navigator.serviceWorker.onmessage = ({ data }) => send(data);
navigator.serviceWorker.register("worker.js");
navigator.serviceWorker.ready.then(({ active }) => active.postMessage("look"));
`,
      },
    }),
    threads: false,
  },
  "workerd (Miniflare)": {
    tools: { miniflare: "4.20260730.0", esbuild: "0.28.2" },
    files: {
      "worker.js": `import { look } from "./program.js";
${BOTH}export default { fetch: async () => Response.json(await inWords(both())) };
`,
      "run.js": `import { readdirSync } from "node:fs";
import { Miniflare } from "miniflare";
const modules = readdirSync("moved").map((name) => ({ type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule", path: \`moved/\${name}\` }));
modules.sort((a) => (a.path.endsWith("worker.js") ? -1 : 1));
const place = new Miniflare({ modules, modulesRoot: "moved", compatibilityDate: "2026-04-01" });
console.log(await (await place.dispatchFetch("http://localhost/")).text());
await place.dispose();
`,
    },
    steps: [bin("esbuild", "worker.js", "--bundle", "--format=esm", "--conditions=workerd", "--loader:.wasm=copy", "--outdir=moved")],
    command: [process.execPath, "run.js"],
    threads: false,
  },
  "Next.js, client": {
    tools: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
    files: {
      "next.config.mjs": `export default { headers: async () => [{ source: "/:path*", headers: Object.entries(${ISOLATED}).map(([key, value]) => ({ key, value })) }] };
`,
      "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;\n",
      "app/page.js": `"use client";
import { useEffect } from "react";
import { look } from "../program.js";
${BOTH}${SEND}export default function Page() {
  useEffect(() => void inWords(both()).then(send), []);
  return null;
}
`,
    },
    steps: [bin("next", "build")],
    serve: (port) => bin("next", "start", "-p", port),
    short: true,
  },
  "Next.js, server": {
    tools: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
    files: {
      "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;\n",
      "app/look/route.js": `import { look } from "../../program.js";
${BOTH}export const dynamic = "force-dynamic";
export const GET = async () => Response.json(await inWords(both()));
`,
    },
    steps: [bin("next", "build")],
    serve: (port) => bin("next", "start", "-p", port),
    answers: "/look",
  },
  "SvelteKit, client, dev": {
    tools: { "@sveltejs/kit": "3.2.0", "@sveltejs/vite-plugin-svelte": "7.3.1", svelte: "5.57.3", vite: "8.4.0" },
    files: {
      ...svelteKit(),
      "src/routes/+page.svelte": `<script>
import { onMount } from "svelte";
import { look } from "../../program.js";
${BOTH}${SEND}onMount(() => void inWords(both()).then(send));
</script>
`,
    },
    serve: (port) => bin("vite", "dev", "--port", port, "--strictPort", "--host", "127.0.0.1"),
  },
  "SvelteKit, server, bundled": {
    tools: {
      "@sveltejs/kit": "3.2.0",
      "@sveltejs/vite-plugin-svelte": "7.3.1",
      "@sveltejs/adapter-node": "6.0.1",
      svelte: "5.57.3",
      vite: "8.4.0",
    },
    bundles: true,
    files: {
      ...svelteKit("@sveltejs/adapter-node"),
      "src/routes/look/+server.js": `import { look } from "../../../program.js";
${BOTH}export const GET = async () => Response.json(await inWords(both()));
`,
    },
    steps: [[own("node22/bin/node"), "node_modules/vite/bin/vite.js", "build"]], // SvelteKit 3 builds with Node 22, runs on any
    serve: (port) => ["env", `PORT=${port}`, process.execPath, "build"],
    answers: "/look",
  },
  "Nuxt, dev": {
    tools: { nuxt: "4.5.2" },
    files: {
      "nuxt.config.js": `export default { ssr: false, telemetry: false, devtools: { enabled: false }, compatibilityDate: "2026-04-01", routeRules: { "/**": { headers: ${ISOLATED} } } };
`,
      "app.vue": `<script setup>
import { onMounted } from "vue";
import { look } from "./program.js";
${BOTH}${SEND}onMounted(() => inWords(both()).then(send));
</script>
<template><p>Fourway</p></template>
`,
    },
    serve: (port) => bin("nuxt", "dev", "--port", port, "--host", "127.0.0.1"),
  },
};

/** A project of SvelteKit, whose pages are isolated. @param adapter that makes a server of it */
function svelteKit(adapter) {
  return {
    "vite.config.js": `import { sveltekit } from "@sveltejs/kit/vite";
${adapter ? `import adapter from "${adapter}";\n` : ""}export default { plugins: [sveltekit(${adapter ? "{ adapter: adapter() }" : ""})] };
`,
    "src/hooks.server.js": `export const handle = async ({ event, resolve }) => {
  const response = await resolve(event);
  for (const [name, value] of Object.entries(${ISOLATED})) response.headers.set(name, value);
  return response;
};
`,
    "src/app.html": "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
  };
}
