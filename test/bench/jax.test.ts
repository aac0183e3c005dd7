// On its own: onnxruntime-web and TensorFlow.js leave a `Worker` in the process.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gradientPass } from "../../bench/fourway.js";
import { jaxGradients } from "../../bench/jax.js";
import { checkPeer } from "../../bench/peer.js";
import { shiftedNet } from "../../bench/reference.js";
import { createEngine } from "../../src/wasm/load.js";

const SIZE = { height: 64, width: 96 };

test("jax-js computes the gradients of the reference net as Fourway does, and others from other gradients of the outputs", async () => {
  const graph = shiftedNet();
  const own = gradientPass("fourway", await createEngine(), graph, 1, SIZE);
  own.run();
  assert.equal(own.outputs().size, 110);
  const doubled = new Map([...own.dOutputs].map(([name, values]) => [name, values.map((v) => 2 * v)]));
  for (const dOutputs of [own.dOutputs, doubled]) {
    const peer = await jaxGradients("jax-js", graph, own.pictures, dOutputs, SIZE);
    await peer.run();
    if (dOutputs === doubled) assert.throws(() => checkPeer(own, peer), /of the largest value/);
    else checkPeer(own, peer);
    await peer.dispose();
  }
});
