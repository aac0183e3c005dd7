// Teaches a model what a camera sees and lets a running detector take it: node dist/examples/learn.js [model.onnx]. The camera is a drawn street whose
// light changes; on a real one the labels come from whoever looks at `learner.suggest(frame)`.
import { Detector, drawScene, type Frame } from "../src/index.js";
import { Learner } from "../src/learn/index.js";

const model = process.argv[2] ?? new URL("../../models/fourway-s.onnx", import.meta.url);
const { frame, labels, ignore } = drawScene(5, 5, { width: 320, height: 192 });
const brighter = (by: number): Frame => ({ ...frame, data: frame.data.map((byte, i) => (i % 4 === 3 ? byte : Math.min(255, byte + by))) });

const learner = await Learner.open(model);
using detector = await Detector.load(model);
const countCars = (): number => detector.detect(brighter(5)).objects.filter(({ task }) => task === "car").length;
console.log(`before: ${countCars()} of ${labels.car!.length} cars`);

for (let light = 0; light < 16; light += 2) {
  const { questions } = await learner.add(brighter(light), { car: labels.car! }, { ignore: { car: ignore.car! }, sure: true });
  for (const { task, box, said } of questions) console.log(`sure of a ${task} at ${box.x}, ${box.y}, but the label says ${said}`);
}
console.log(learner.explain("heads").text);
const { refused, guard } = await learner.fit({ what: "heads", steps: 100 });
console.log(
  refused.length > 0
    ? `refused: ${refused.join(", ")}`
    : `kept; held-back loss ${guard.car!.before.toFixed(2)} -> ${guard.car!.after.toFixed(2)}`,
);
if (refused.length === 0) {
  const { id } = await learner.commit();
  await detector.use(learner.model); // the next frame is the new version's
  console.log(`version ${id}: ${countCars()} of ${labels.car!.length} cars`);
}
await learner.close();
