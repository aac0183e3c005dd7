import type { Task } from "../core/task.js";
import { type FrameAnswer, MapReader } from "../detect/mapReader.js";
import { letterboxed } from "../image/letterbox.js";
import type { Model, ModelInfo } from "../model/model.js";
import type { Engine } from "../wasm/load.js";
import { type Cut, cutBefore } from "./cut.js";
import { runOver, type Seen } from "./passes.js";

/** What an int8 network says of pictures that are known as far as its cut, boxes in pixels of the input. */
export function answersAt(engine: Engine, { behind, tasks }: Cut, info: ModelInfo, seen: readonly Seen[], least: number): FrameAnswer[] {
  const reader = new MapReader({ ...info, tasks: [...tasks] });
  const { strides, layout } = info;
  return runOver(engine, behind, seen, ({ outputs }, i) => {
    const { width, height } = seen[i]!;
    const maps = tasks.map((_, task) =>
      strides.map((stride, level) => {
        const map = outputs[level * tasks.length + task]!;
        return { at: map.offset >> 2, height: map.height, width: map.width, stride, layout };
      }),
    );
    return reader.read(engine.memory.f32, maps, letterboxed({ width, height }, { width, height }), { width, height }, () => least);
  });
}

/** What a whole model says of pictures of signed bytes. */
export function answersOf(
  engine: Engine,
  model: Model,
  pictures: readonly { width: number; height: number; pixels: Int8Array }[],
  least: number,
  tasks: readonly Task[] = model.info.tasks,
): FrameAnswer[] {
  const seen = pictures.map(({ width, height, pixels }) => ({ width, height, features: [pixels] }));
  return answersAt(engine, cutBefore(model, "all", tasks), model.info, seen, least);
}
