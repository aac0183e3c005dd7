import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ratioOf, type Spread, spreadOf } from "../src/engines/timing.js";
import { serve, visit } from "../test/browser/chromium.js";
import { NETS, type NetName } from "./browserNets.js";
import type { Answer, Asked } from "./browserPage.js";
import { bundledPage } from "./page.js";
import { table } from "./table.js";

/** All pages together may take so long, for what they load and compile, and for each round. */
const longestMs = (rounds: number): number => 120_000 + 30_000 * rounds;

/** One net in a browser: milliseconds by engine, and each peer's time over ours of the same precision. */
export interface BrowserFigures {
  net: string;
  input: string;
  macs: number;
  times: Record<string, Spread>;
  ratios: Record<string, Spread>;
  absent: string[];
}

/** Measures nets in headless Chromium, all engines in one page, one thread each. */
export async function measureBrowser(rounds: number, nets = Object.keys(NETS) as NetName[]): Promise<BrowserFigures[]> {
  const server = await serve(await pageFiles());
  try {
    const pages = nets.map((net) => `/page.html?${encodeURIComponent(JSON.stringify({ net, rounds } satisfies Asked))}`);
    const answers = (await visit(server, pages, longestMs(rounds))) as (Answer | { error: string })[];
    return answers.map((answer) => {
      if ("error" in answer) throw new Error(answer.error);
      const { ms, ...rest } = answer;
      const own = (name: string): string => (name.endsWith("int8") ? "fourway int8" : "fourway f32");
      const peers = Object.entries(ms).filter(([name]) => name !== own(name));
      return {
        ...rest,
        times: Object.fromEntries(Object.entries(ms).map(([name, values]) => [name, spreadOf(values)])),
        ratios: Object.fromEntries(peers.map(([name, values]) => [name, ratioOf(values, ms[own(name)]!)])),
      };
    });
  } finally {
    server.close();
  }
}

/** The page, bundled, and the peers' WebAssembly. */
async function pageFiles(): Promise<Map<string, string | Uint8Array>> {
  const files = await bundledPage("browserPage.js");
  const modules = dirname(dirname(dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")))));
  for (const [folder, wanted] of [
    ["onnxruntime-web/dist", /^ort-wasm-simd-threaded\.(wasm|mjs)$/],
    ["@tensorflow/tfjs-backend-wasm/wasm-out", /\.wasm$/],
    ["@litertjs/core/wasm", /^litert_wasm_(compat_)?internal\./],
  ] as const)
    for (const file of readdirSync(join(modules, folder)))
      if (wanted.test(file)) files.set(`/wasm/${file}`, readFileSync(join(modules, folder, file)));
  return files;
}

/** Tables of the figures. */
export function browserTables(figures: readonly BrowserFigures[]): string {
  const ms = (value: number): string => value.toFixed(3);
  return figures
    .map(({ net, input, macs, times, ratios, absent }) => {
      const rows = Object.entries(times).map(([name, { median, p10, p90 }]) => {
        const ratio = ratios[name];
        return [
          name,
          ms(median),
          ms(p10),
          ms(p90),
          ratio ? `${ratio.median.toFixed(2)} (${ratio.p10.toFixed(2)} to ${ratio.p90.toFixed(2)})` : "",
        ];
      });
      const title = `${net}: ${input}, ${(macs / 1e6).toFixed(1)} MMAC; headless Chromium, one thread`;
      return [
        title,
        "",
        table(["milliseconds", "median", "p10", "p90", "over ours"], rows),
        ...absent.map((line) => `absent: ${line}`),
      ].join("\n");
    })
    .join("\n\n");
}
