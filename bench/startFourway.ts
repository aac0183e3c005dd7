// Loads the model that it is given, detects in one frame and prints, in ms from the first line, when all was imported and when the result was there.
const start = performance.now();
const { Detector } = await import("../src/index.js");
const imported = performance.now() - start;
const detector = await Detector.load(process.argv[2]!);
detector.detect({ data: new Uint8Array(4 * 320 * 192).fill(99), width: 320, height: 192 });
console.log(JSON.stringify({ imported, result: performance.now() - start }));
