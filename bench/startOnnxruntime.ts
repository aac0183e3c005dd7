// As startFourway.ts, with onnxruntime-web on the same file; to make its input costs it nothing.
const planes = new Float32Array(3 * 320 * 192).fill(-0.1);
const start = performance.now();
const ort = await import("onnxruntime-web");
const imported = performance.now() - start;
ort.env.logLevel = "error";
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(process.argv[2]!, { executionProviders: ["wasm"], logSeverityLevel: 3 });
await session.run({ [session.inputNames[0]!]: new ort.Tensor("float32", planes, [1, 3, 192, 320]) });
console.log(JSON.stringify({ imported, result: performance.now() - start }));
