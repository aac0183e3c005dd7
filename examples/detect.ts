// Detects in one picture: node dist/examples/detect.js street.jpg [model.onnx]
import { Detector } from "../src/index.js"; // "fourway"
import { readImage } from "../src/node/index.js"; // "fourway/node"

const [picture = "street.jpg", model] = process.argv.slice(2);
const detector = await Detector.load(model); // without one: the shipped int8 model
const { presence, objects } = detector.detect(await readImage(picture)); // any RGBA frame does, ImageData too
console.log(presence);
for (const { task, score, box } of objects) console.log(task, score.toFixed(2), box);
detector.dispose();
