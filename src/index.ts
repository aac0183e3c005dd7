// The public API, every name written out. Node's part (pictures and data sets from files) is "fourway/node".

export type { Bytes, DefaultExport, Loadable } from "./core/address.js";
export { type Box, iou } from "./core/box.js";
export type { DetectedObject, Point } from "./core/detection.js";
export { type ErrorCode, FourwayError } from "./core/errors.js";
export { type Frame, MAX_FRAME_PIXELS, type YuvFrame } from "./core/frame.js";
export type {
  BlobObject,
  CanvasElement,
  FetchRequest,
  FetchResponse,
  ImageBitmapObject,
  ImageDataObject,
  ImageElement,
  MediaStreamObject,
  OffscreenCanvasObject,
  Signal,
  Url,
  VideoElement,
  VideoFrameObject,
  VideoTrack,
  WasmModule,
} from "./core/globals.js";
export { OPERATING_POINTS, type OperatingPoint } from "./core/operatingPoint.js";
export { TASKS, type Task } from "./core/task.js";
export { type DataFault, type Dataset, humanLabels, type Label, type Sample, type SkippedCategories } from "./data/dataset.js";
export { type CocoOptions, formatCoco, parseCoco } from "./data/formats/coco.js";
export { parseCsv } from "./data/formats/csv.js";
export { formatNative, parseNative } from "./data/formats/native.js";
export { describeFaults, joinDatasets, type ParsedFile } from "./data/read.js";
export type { Chosen, PartTimes } from "./detect/budget.js";
export { type Detection, Detector } from "./detect/detector.js";
export type { DetectorEngine, SpawnOptions } from "./detect/engine.js";
export type { DetectOptions, DetectorOptions } from "./detect/options.js";
export type { Picture } from "./detect/pictures.js";
export type { Seen } from "./detect/protocol.js";
export type { ModelSource } from "./detect/source.js";
export type { SpawnedDetectOptions } from "./detect/spawn.js";
export { type Camera, SpawnedDetector } from "./detect/spawnedDetector.js";
export type { Live, Watch, WatchOptions } from "./detect/watch.js";
export type { Port, Ports, Tensor } from "./engines/onnxruntime.js";
export type { Found } from "./eval/averagePrecision.js";
export {
  fitBetaCalibration,
  fitPlattScaling,
  type LogitSizes,
  type Reliability,
  type ReliabilityBin,
  reliability,
} from "./eval/fitCalibration.js";
export { formatScores, scoresToJson } from "./eval/format.js";
export type { PointScores } from "./eval/points.js";
export {
  type CurvePoint,
  evaluate,
  type F1Point,
  precisionRecall,
  type Scores,
  type TaskCounts,
  type TaskScores,
} from "./eval/scores.js";
export type { Activation, Graph, GraphInput, GraphNode, OpAttributes, OpName, Param, Role } from "./graph/graph.js";
export type { Placement } from "./image/letterbox.js";
export { COCO_CLASSES, planesBgr, type Teacher, type View } from "./label/teacher.js";
export type { BetaCalibration, PlattScaling } from "./model/calibration.js";
export { type HeadKind, type HeadLayout, type HeadMaps, type HeadOutput, headLayout, type PointRows } from "./model/head.js";
export { DEFAULT_PIXELS, DEFAULT_THRESHOLD, loadModel, type Model, type ModelInfo, saveModel } from "./model/model.js";
export { withTasks } from "./model/surgery.js";
export { readOnnx } from "./onnx/read.js";
export { writeOnnx } from "./onnx/write.js";
export { drawScene, type Scene, type SceneOptions } from "./scenes/scene.js";
export type { WasmSource } from "./wasm/load.js";
