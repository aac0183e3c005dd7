// Makes models/README.md from the cards. Usage: node scripts/models-readme.mjs [--check]: with --check it only says whether the page is up to date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "models");
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const cards = readdirSync(folder)
  .filter((name) => name.endsWith(".json") && existsSync(join(folder, name.replace(/json$/, "onnx"))))
  .map(read);
const table = (rows) => rows.map((row, i) => `| ${row.join(" | ")} |${i === 0 ? `\n|${row.map(() => "---|").join("")}` : ""}`).join("\n");
const figure = (value) => (value === null || value === undefined ? "-" : value.toFixed(3));

const POINTS = ["precise", "balanced", "sensitive"];
/** Where the size classes of a card begin, by the object's share of the picture. */
const SIZES = ["under 0.1 %", "0.1 to 1 %", "1 to 10 %", "over 10 %"];

/** Each operating point: threshold, precision, recall and F1 of all, and at the balanced one the F1 of each size beside the best that size could have. */
function operatingPoints({ tasks, thresholds, val }) {
  const points = tasks.map((task) => [
    task,
    ...POINTS.map((point) => {
      const { all } = val.operatingPoints[point][task];
      return `${figure(thresholds[point][task])}: ${figure(all?.precision)} / ${figure(all?.recall)} / ${figure(all?.f1)}`;
    }),
  ]);
  const sizes = tasks.map((task) => [
    task,
    ...val.operatingPoints.balanced[task].sizes.map(({ boxes, at, bestF1 }) =>
      boxes === 0 ? "-" : `${figure(at.f1)} of ${figure(bestF1)} (${boxes})`,
    ),
  ]);
  return `Operating points, each threshold: precision / recall / F1 on val, all pictures:

${table([["task", ...POINTS], ...points])}

F1 at the balanced thresholds, of the best that a threshold for that size alone has, by the object's share of the picture (boxes):

${table([["task", ...SIZES], ...sizes])}
`;
}

function describe(card) {
  const { int8, f32, reliability } = card.val;
  const rows = [["task", "AP50", "AP75", "AP", "presence AP", "presence error"]];
  for (const task of card.tasks) {
    const scores = int8.tasks[task];
    rows.push([
      task,
      figure(scores.ap50),
      figure(scores.ap75),
      figure(scores.ap),
      figure(scores.presenceAp),
      figure(reliability[task].error),
    ]);
  }
  rows.push([
    "**mean**",
    `**${figure(int8.mean.ap50)}**`,
    `**${figure(int8.mean.ap75)}**`,
    `**${figure(int8.mean.ap)}**`,
    `**${figure(int8.mean.presenceAp)}**`,
    "",
  ]);
  const { sets, ...training } = card.training;
  return `## ${card.name}

${card.precision}, ${card.bytes} bytes, ${card.parameters} parameters, ${(card.macs / 1e6).toFixed(1)} MMAC at ${card.input.width} x ${card.input.height}. sha256 \`${card.sha256}\`.
Figures on the val split, int8, input of about ${card.input.pixels} pixels (f32 before calibration: mean AP50 ${figure(f32.mean.ap50)}, mean presence AP ${figure(f32.mean.presenceAp)}); calibrations and thresholds were fitted on val.

${table(rows)}

${operatingPoints(card)}
${Object.entries(training)
  .map(([key, value]) => `- ${key}: ${value}`)
  .join("\n")}

${logsOf(card.name)}Training pictures:

${table([
  ["set", "pictures", "what", "source", "licence as stated", "doubts"],
  ...Object.entries(sets).map(([set, facts]) => [
    set,
    ...["pictures", "what", "source", "licence", "doubts"].map((key) => facts[key] ?? ""),
  ]),
])}
`;
}

/** The courses of a model's trainings, first to last: what `fourway train` wrote beside it. */
function logsOf(name) {
  const logs = readdirSync(folder).filter((file) => file.startsWith(`${name}.`) && file.endsWith(".log.csv"));
  return logs
    .toSorted()
    .map((csv, i) => {
      const what = logs.length > 1 ? `Training ${i + 1} of ${logs.length}` : "Training";
      return `${what}, loss and AP50 a task ([table](${csv})):\n\n<img src="${csv.replace(/csv$/, "svg")}" alt="${what} of ${name}" width="320">\n\n`;
    })
    .join("");
}

/** The models beside other detectors on the same pictures, from what `fourway eval --json` wrote. */
function comparison() {
  const path = join(folder, "accuracy.json");
  if (!existsSync(path)) return "";
  const { runs } = read("accuracy.json");
  const tasks = Object.keys(runs[0].tasks);
  const rows = runs.map(({ file, pixels, mean, tasks: scores, ms }) => [
    file.replace(/\.onnx$/, ""),
    pixels,
    ...tasks.map((task) => figure(scores[task].ap50)),
    `**${figure(mean.ap50)}**`,
    figure(mean.presenceAp),
    ms.toFixed(1),
  ]);
  return `
## Beside other detectors

On the same validation photographs, one thread, one run on an otherwise idle machine (ratios count: milliseconds are a tenth to a half above those of the README, whose frames are all of one size), a frame's preparation included; the others are COCO detectors in onnxruntime-web. \`fourway-l\` began with NanoDet-Plus-m-1.5x. Made with
\`fourway eval --data DIR --model ... --pixels ... --peer ... --json models/accuracy.json --plot models/accuracy.svg\`.

![mean AP50 against milliseconds a picture](accuracy.svg)

${table([["detector", "pixels", ...tasks.map((task) => `AP50 ${task}`), "mean AP50", "mean presence AP", "ms a picture"], ...rows])}
`;
}

const page = `# Models

Made from the cards by \`node scripts/models-readme.mjs\`. The files are ONNX, int8 QDQ; ONNX Runtime runs them too.
The pictures that these models learned from are for training and measuring only: some photographs are under non-commercial licences,
and weights trained on them inherit that doubt. Clear it before a commercial use. The sets of \`fourway-m-ccby\` state CC BY 4.0 ([decision](../docs/decisions/0017-weights-by-licence.md)). How the trainings went, what was tried and what each idea
brings: [docs/lab/training.md](../docs/lab/training.md). Commands are as they were run; \`--often\` is now \`--oversample\`.

${cards.map(describe).join("\n")}${comparison()}`;

const path = join(folder, "README.md");
if (!process.argv.includes("--check")) writeFileSync(path, page);
else if (!existsSync(path) || readFileSync(path, "utf8") !== page) {
  console.error("models/README.md: expected what the cards say, got another text; run node scripts/models-readme.mjs");
  process.exit(1);
}
