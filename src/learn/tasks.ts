import { FourwayError } from "../core/errors.js";
import type { Task } from "../core/task.js";
import type { GraphNode } from "../graph/graph.js";
import { mapName } from "../model/build.js";
import { defaultInfo, type Model, type ModelInfo } from "../model/model.js";
import { pruned } from "../model/surgery.js";
import { cutBefore } from "./cut.js";

// Tasks of an int8 network. A new one begins as a copy of another task's head, by default with a copy of the path before it, so that it has its own
// features; the others stay bit for bit. Parameters of both copies are named as the head's, so that they learn where heads learn.

/** What a task may be called: it names values and parameters. */
const NAME = /^[A-Za-z][A-Za-z0-9]*$/;

/** Info for other tasks; of those that are not known before what `defaultInfo` says. */
function infoFor(info: ModelInfo, tasks: readonly Task[]): ModelInfo {
  const fresh = defaultInfo(tasks, info);
  const pick = <T>(own: Record<Task, T>, other: Record<Task, T>): Record<Task, T> =>
    Object.fromEntries(tasks.map((task) => [task, info.tasks.includes(task) ? own[task]! : other[task]!]));
  const { precise, balanced, sensitive } = info.thresholds;
  return {
    ...info,
    tasks: [...tasks],
    thresholds: {
      precise: pick(precise, fresh.thresholds.precise),
      balanced: pick(balanced, fresh.thresholds.balanced),
      sensitive: pick(sensitive, fresh.thresholds.sensitive),
    },
    scores: pick(info.scores, fresh.scores),
    presence: pick(info.presence, fresh.presence),
  };
}

/**
 * The model with one task more.
 * @param like the task whose head is copied
 * @param ownPath whether the path is copied too
 * @throws E_ARGUMENT for a name that is taken or none, or where there is no task `like`; E_MODEL as `cutBefore`
 */
export function withTask(model: Model, task: Task, like: Task, ownPath: boolean): Model {
  const { graph, info } = model;
  if (!NAME.test(task) || info.tasks.includes(task))
    throw new FourwayError(
      "E_ARGUMENT",
      `addTask: expected a new name of letters and digits, got "${task}"; the model has ${info.tasks.join(", ")}`,
    );
  if (!info.tasks.includes(like))
    throw new FourwayError(
      "E_ARGUMENT",
      `addTask: expected like to be one of ${info.tasks.join(", ")}, got "${like}"; name the one that looks most alike`,
    );
  const { behind } = cutBefore(model, ownPath ? "path" : "heads", [like]);
  const moved = (name: string): string => (name.startsWith(`${like}.`) ? `${task}${name.slice(like.length)}` : `${task}.${name}`);
  const ownHead = `head.${like}.`;
  const param = (name: string): string => `head.${task}.${name.startsWith(ownHead) ? name.slice(ownHead.length) : name}`;
  const inner = new Map(behind.nodes.flatMap(({ outputs }) => outputs.map((value) => [value, moved(value)] as const)));
  const params = new Map(graph.params);
  for (const [name, value] of behind.params) params.set(param(name), value);
  const scales = new Map(graph.scales);
  for (const [value, name] of inner) if (scales.has(value)) scales.set(name, scales.get(value)!);
  const nodes = behind.nodes.map(
    (node) =>
      ({
        ...node,
        name: moved(node.name),
        inputs: node.inputs.map((value) => inner.get(value) ?? value),
        outputs: node.outputs.map((value) => inner.get(value)!),
        params: Object.fromEntries(Object.entries(node.params).map(([role, name]) => [role, param(name)])),
      }) as GraphNode,
  );
  const tasks = [...info.tasks, task];
  const outputs = info.strides.flatMap((stride) => tasks.map((each) => mapName(each, stride)));
  return { graph: { ...graph, nodes: [...graph.nodes, ...nodes], params, scales, outputs }, info: infoFor(info, tasks) };
}

/** The model without a task. @throws E_ARGUMENT for a task that it does not have, or its only one */
export function withoutTask({ graph, info }: Model, task: Task): Model {
  const tasks = info.tasks.filter((each) => each !== task);
  if (tasks.length === info.tasks.length || tasks.length === 0)
    throw new FourwayError("E_ARGUMENT", `removeTask: expected one of several tasks, got "${task}" of ${info.tasks.join(", ")}`);
  const outputs = info.strides.flatMap((stride) => tasks.map((each) => mapName(each, stride)));
  const left = pruned({ ...graph, outputs }, outputs);
  const values = new Set([...left.inputs.map(({ name }) => name), ...left.nodes.flatMap((node) => node.outputs)]);
  const scales = new Map([...graph.scales!].filter(([value]) => values.has(value)));
  return { graph: { ...left, scales }, info: infoFor(info, tasks) };
}
