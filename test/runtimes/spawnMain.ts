// What a detector in this thread and one in a worker find in the same frame, and how the worker's ends; printed as JSON.
import { Detector } from "../../src/detect/detector.js";
import { drawScene } from "../../src/scenes/scene.js";
import { colourModel } from "../detect/models.js";

const { frame } = drawScene(1, 8, { width: 320, height: 200 });
const here = await Detector.load(colourModel());
const there = await Detector.spawn(colourModel());
const camera = there.camera();
const [first] = await Promise.all([1, 2, 3, 4, 5].map(() => camera.detect(frame, { minScore: 0.01 })));
const late = there.detect(frame);
await there.dispose();
const ended = await late.catch(({ code }) => code);
const { presence, objects } = here.detect(frame, { minScore: 0.01 });
console.log(
  JSON.stringify({
    here: { presence, objects },
    there: { presence: first!.presence, objects: first!.objects },
    dropped: camera.dropped,
    ended,
  }),
);
here.dispose();
