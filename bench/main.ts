// Fourway beside the engines that users would pick instead, in one process, taking turns. `npm run bench -- --help` tells the options.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Spread } from "../src/engines/timing.js";
import { browserTables, measureBrowser } from "./browser.js";
import { GROUPS, measure, type Report } from "./measure.js";
import { measureModels, modelsTable } from "./models.js";
import { table } from "./table.js";

interface Options {
  json?: string | true;
  only?: string;
  rounds: number;
  layers?: true;
  browser?: true;
  models?: true;
}

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number above 0");
  return value;
};

const group = (text: string): string => {
  if (!(GROUPS as readonly string[]).includes(text)) throw new InvalidArgumentError(`expected one of ${GROUPS.join(", ")}`);
  return text;
};

const { json, only, rounds, layers, browser, models } = new Command("bench")
  .description("Ratios of Fourway's speed to other engines' on the reference net (320x192, 63.5 MMAC), one thread.")
  .option("--json [FILE]", "write the figures as JSON to a file, or to stdout (the table then goes to stderr)")
  .option("--only <NAME>", `one group: ${GROUPS.join(", ")}`, group)
  .option("--rounds <N>", "rounds in which all take their turn", wholeNumber, 40)
  .option("--layers", "also every layer: time, multiply-accumulates, share of the roofline")
  .addOption(
    new Option("--browser", "instead: inference in headless Chromium, of MobileNetV1 too, beside LiteRT.js too").conflicts([
      "only",
      "layers",
    ]),
  )
  .addOption(
    new Option("--models", "instead: the shipped models on a 1280x720 frame, here and in headless Chromium").conflicts([
      "only",
      "layers",
      "browser",
    ]),
  )
  .parse()
  .opts<Options>();

const say = json === true ? console.error : console.log;

let figures: object;
if (browser) {
  const nets = await measureBrowser(rounds);
  say(browserTables(nets));
  figures = { browser: nets };
} else if (models) {
  const times = await measureModels(rounds);
  say(modelsTable(times));
  figures = { models: times };
} else {
  const report = await measure({ only: only as (typeof GROUPS)[number] | undefined, rounds, layers: layers ?? false });
  print(report);
  figures = report.figures;
}
const text = `${JSON.stringify({ machine: { node: process.version, cpu: cpus()[0]?.model.trim(), cores: cpus().length }, ...figures }, null, 2)}\n`;
if (json === true) process.stdout.write(text);
else if (json !== undefined) writeFileSync(json, text);

function print({ figures, profiles }: Report): void {
  const { net, times, ratios, spreads, roofline, bytes, arenaBytes, trainingBytes, scaling, absent } = figures;
  const ms = (value: number): string => value.toFixed(3);
  say(
    `reference net: ${net.input}, ${(net.macs / 1e6).toFixed(2)} MMAC, ${net.params} parameters; one thread, Node ${process.version}, ${rounds} rounds, the quickest run of each\n`,
  );
  const timeRows = Object.entries(times).map(([name, { median, p10, p90 }]) => [name, ms(median), ms(p10), ms(p90)]);
  if (timeRows.length > 0) say(`${table(["milliseconds", "median", "p10", "p90"], timeRows)}\n`);
  const ratioRows = Object.entries(ratios).map(([name, value]) => {
    const { p10, p90 }: Spread = spreads[name as keyof typeof spreads]!;
    return [name, value.toFixed(3), p10.toFixed(3), p90.toFixed(3)];
  });
  if (ratioRows.length > 0) say(`${table(["ratio", "median", "p10", "p90"], ratioRows)}\n`);
  if (roofline) {
    const share = (value: number | undefined): string =>
      value === undefined ? "" : `, of which the whole net reaches ${(100 * value).toFixed(0)} %`;
    say(`roofline f32   ${roofline.f32.toFixed(1)} GMAC/s${share(roofline.f32Share)}`);
    say(`roofline int8  ${roofline.int8.toFixed(1)} GMAC/s${share(roofline.int8Share)}`);
  }
  if (bytes) {
    say(`wasm           ${bytes.wasm} bytes`);
    say(`browser core   ${bytes.coreGz} bytes gzipped (all exports: ${bytes.everythingGz})`);
  }
  if (arenaBytes !== undefined) say(`arena, int8    ${arenaBytes} bytes`);
  if (trainingBytes !== undefined) say(`training       ${trainingBytes} bytes for 8 pictures a step`);
  if (scaling) {
    const rows = scaling.points.map(({ precision, width, height, batch, ms: time, ratio }) => [
      `${precision} ${width}x${height}${batch > 1 ? `, ${batch} pictures` : ""}`,
      ms(time),
      ratio.toFixed(3),
    ]);
    say(`\n${table(["growth", "ms", "over the line"], rows)}`);
  }
  for (const line of absent) say(`absent: ${line}`);
  for (const profile of profiles) say(`\n${profile}`);
}
