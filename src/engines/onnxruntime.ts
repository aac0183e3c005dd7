import { FourwayError } from "../core/errors.js";

// Foreign models through onnxruntime-web, an optional peer: it is loaded on the first use, and without it all else of Fourway works.

/** Numbers of a model's input or output, row by row, the last dimension fastest. */
export interface Tensor {
  dims: readonly number[];
  data: Float32Array;
}

/** An input or output of a model: its name and sizes; a size that the model leaves open is a name, and `dims` is empty where nothing is known. */
export interface Port {
  name: string;
  dims: readonly (number | string)[];
}

/** What goes in and what comes out of a model. */
export interface Ports {
  inputs: readonly Port[];
  outputs: readonly Port[];
}

/** A model that is ready to run. It owns memory: `dispose()` it. */
export interface Session {
  readonly ports: Ports;
  /** Runs the model once. @throws E_MODEL where it does not take the inputs, or an output is not of float32 */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  dispose(): Promise<void>;
}

/** An execution provider: its name, or an object that has its settings, too. */
export type Provider = string | { readonly name: string; readonly [setting: string]: unknown };

/** Settings of `openSession`. */
interface SessionOptions {
  /** In order of preference. Default: WebAssembly. */
  providers?: readonly Provider[];
  /** Sizes that the model leaves open, by their names. */
  sizes?: Readonly<Record<string, number>>;
  /** Of WebAssembly, 1 by default; only the first session of a program sets them. */
  threads?: number;
  /** Where onnxruntime-web comes from, by default the installed package. */
  load?: () => Promise<unknown>;
}

/**
 * Opens an ONNX file in onnxruntime-web.
 * @param name of the model in messages
 * @throws E_RUNTIME where onnxruntime-web is not installed, E_MODEL for a file that it cannot read
 */
export async function openSession(
  bytes: Uint8Array,
  name: string,
  { threads = 1, load = () => import("onnxruntime-web"), providers = ["wasm"], sizes }: SessionOptions = {},
): Promise<Session> {
  const runtime = (await load().catch((cause) => {
    throw new FourwayError(
      "E_RUNTIME",
      "onnxruntime: expected the package onnxruntime-web for foreign models, got none; run: npm install onnxruntime-web",
      { cause },
    );
  })) as typeof import("onnxruntime-web");
  const { env, InferenceSession, Tensor: RuntimeTensor } = runtime;
  env.logLevel = "error";
  env.wasm.numThreads = threads;
  const fail = (what: string) => (cause: unknown) => {
    throw new FourwayError("E_MODEL", `${name}: expected ${what}, got "${(cause as Error).message}"; see that the file fits`, { cause });
  };
  const session = await InferenceSession.create(bytes, {
    executionProviders: providers as string[],
    freeDimensionOverrides: sizes,
    logSeverityLevel: 3,
  }).catch(fail("an ONNX model that onnxruntime-web reads"));
  const portsOf = (list: typeof session.inputMetadata): Port[] =>
    list.map((port) => ({ name: port.name, dims: port.isTensor ? port.shape : [] }));
  return {
    ports: { inputs: portsOf(session.inputMetadata), outputs: portsOf(session.outputMetadata) },
    async run(inputs) {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([port, { data, dims }]) => [port, new RuntimeTensor("float32", data, [...dims])]),
      );
      const results = await session.run(feeds).catch(fail("a model that takes what its decoder prepares"));
      return Object.fromEntries(
        Object.entries(results).map(([port, { data, dims }]) => {
          if (!(data instanceof Float32Array))
            throw new FourwayError(
              "E_MODEL",
              `${name}: expected float32 from output "${port}", got another type; export it with float outputs`,
            );
          return [port, { data, dims }];
        }),
      );
    },
    dispose: () => session.release(),
  };
}
