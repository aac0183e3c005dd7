// What jax-js asks of Node, imported before it: the browser's name, which Node 20 lacks, and no `Worker`. Node has none, but onnxruntime-web and
// TensorFlow.js leave theirs behind, and jax-js would start threads with it.
if (!("navigator" in globalThis)) Object.assign(globalThis, { navigator: { userAgent: "Node.js" } });
Reflect.deleteProperty(globalThis, "Worker");
