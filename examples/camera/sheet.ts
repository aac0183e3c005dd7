// A picture that stands still, to say what is wrong in it: a tap on a box says that it is wrong, dragging draws one that was missed.

import type { DetectedObject } from "../../src/index.js"; // "fourway"
import type { FrameLabels } from "../../src/learn/index.js"; // "fourway/learn"
import { colourOf } from "../../src/web/index.js"; // "fourway/element"

type Box = DetectedObject["box"];

/** A box on the sheet. */
export interface Mark {
  task: string;
  box: Box;
  /** Of a detection; of a box that was drawn there is none. */
  score?: number;
  wrong: boolean;
}

/** Fingers are so thick: a tap may miss a box, and move, by so many CSS pixels. */
const REACH = 10;
const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The picture with its marks. */
export class Sheet {
  marks: Mark[] = [];
  /** The task of boxes that are drawn. */
  task = "";
  private readonly context: CanvasRenderingContext2D;
  private readonly picture = document.createElement("canvas");
  private from: { x: number; y: number } | undefined;
  private drawing: Box | undefined;
  private chosen = -1;

  /**
   * @param onChange hears that marks have changed
   * @param onChoose hears which mark arrow keys have come to, and how many there are
   */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onChange: () => void,
    onChoose: (mark: Mark, number: number, count: number) => void,
  ) {
    this.context = canvas.getContext("2d")!;
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.from = this.pointOf(event);
    };
    canvas.onpointermove = (event) => this.drag(this.pointOf(event));
    canvas.onpointercancel = () => this.lift();
    canvas.onpointerup = (event) => {
      const point = this.pointOf(event);
      this.drag(point);
      const drawn = this.drawing;
      this.lift();
      if (drawn) this.put({ task: this.task, box: drawn, wrong: false });
      else this.tap(point);
    };
    canvas.onkeydown = (event) => {
      const { length } = this.marks;
      const step = STEPS[event.key];
      if (step && length > 0) {
        this.chosen = (Math.max(this.chosen, step > 0 ? -1 : 0) + step + length) % length;
        onChoose(this.marks[this.chosen]!, this.chosen + 1, length);
      } else if ([" ", "Enter", "Delete"].includes(event.key) && this.marks[this.chosen]) this.turn(this.marks[this.chosen]!);
      else return;
      event.preventDefault();
      this.draw();
    };
  }

  /** A picture and what was found in it. */
  show(picture: ImageData, found: readonly DetectedObject[]): void {
    const { width, height } = picture;
    for (const canvas of [this.canvas, this.picture]) Object.assign(canvas, { width, height });
    this.canvas.style.setProperty("--ratio", String(width / height));
    this.picture.getContext("2d")!.putImageData(picture, 0, 0);
    this.marks = found.map(({ task, box, score }) => ({ task, box, score, wrong: false }));
    this.chosen = -1;
    this.lift();
  }

  /** Boxes of a task that are not said to be wrong. */
  right(task: string): Mark[] {
    return this.marks.filter((mark) => mark.task === task && !mark.wrong);
  }

  /** What the marks say. @param whole tasks of which there are no other boxes in the picture */
  labels(whole: ReadonlySet<string>): FrameLabels {
    const labels: Record<string, FrameLabels[string]> = {};
    for (const task of new Set([...whole, ...this.marks.map((mark) => mark.task)])) {
      const yes = this.right(task).filter(({ score }) => score === undefined);
      const no = this.marks.filter((mark) => mark.task === task && mark.wrong);
      const boxes = (marks: Mark[]): Box[] => marks.map(({ box }) => box);
      if (whole.has(task)) labels[task] = boxes(this.right(task));
      else if (yes.length + no.length > 0) labels[task] = { yes: boxes(yes), no: boxes(no) };
    }
    return labels;
  }

  /** All boxes of a task are wrong. */
  none(task: string): void {
    this.marks = this.marks.filter((mark) => mark.task !== task || mark.score !== undefined);
    for (const mark of this.right(task)) mark.wrong = true;
    this.draw();
  }

  /** Pixels of the picture a CSS pixel. */
  private get unit(): number {
    return this.canvas.width / (this.canvas.clientWidth || this.canvas.width);
  }

  private pointOf({ offsetX, offsetY }: PointerEvent): { x: number; y: number } {
    const { width, height } = this.canvas;
    return { x: Math.min(width, Math.max(0, offsetX * this.unit)), y: Math.min(height, Math.max(0, offsetY * this.unit)) };
  }

  private drag({ x, y }: { x: number; y: number }): void {
    if (!this.from) return;
    const [width, height] = [Math.abs(x - this.from.x), Math.abs(y - this.from.y)];
    if (!this.drawing && Math.max(width, height) < REACH * this.unit) return;
    this.drawing = { x: Math.min(x, this.from.x), y: Math.min(y, this.from.y), width, height };
    this.draw();
  }

  private lift(): void {
    this.from = undefined;
    this.drawing = undefined;
    this.draw();
  }

  /** A new box, unless it is a slip of the finger. */
  private put(mark: Mark): void {
    const least = REACH * this.unit;
    if (mark.box.width < least || mark.box.height < least) return;
    this.marks.push(mark);
    this.draw();
    this.onChange();
  }

  /** The smallest box at a point. */
  private tap({ x, y }: { x: number; y: number }): void {
    const reach = REACH * this.unit;
    const hit = this.marks
      .filter(({ box }) => x > box.x - reach && x < box.x + box.width + reach && y > box.y - reach && y < box.y + box.height + reach)
      .sort((a, b) => a.box.width * a.box.height - b.box.width * b.box.height)[0];
    if (hit) this.turn(hit);
  }

  /** A detection is wrong, or right after all; a box that was drawn goes. */
  private turn(mark: Mark): void {
    if (mark.score === undefined) this.marks = this.marks.filter((other) => other !== mark);
    else mark.wrong = !mark.wrong;
    this.draw();
    this.onChange();
  }

  private draw(): void {
    const { context, unit } = this;
    context.drawImage(this.picture, 0, 0);
    for (const [i, mark] of this.marks.entries()) this.drawMark(mark, i === this.chosen);
    if (!this.drawing) return;
    const { x, y, width, height } = this.drawing;
    context.setLineDash([6 * unit, 4 * unit]);
    context.lineWidth = 2.5 * unit;
    context.strokeStyle = colourOf(this.task);
    context.strokeRect(x, y, width, height);
    context.setLineDash([]);
  }

  private drawMark({ task, box: { x, y, width, height }, wrong }: Mark, chosen: boolean): void {
    const { context, unit } = this;
    context.globalAlpha = wrong ? 0.75 : 1;
    for (const [line, colour] of [
      [(chosen ? 8 : 5) * unit, chosen ? "white" : "rgb(0 0 0 / 0.5)"],
      [2.5 * unit, wrong ? "white" : colourOf(task)],
    ] as const) {
      context.lineWidth = line;
      context.strokeStyle = colour;
      context.beginPath();
      context.roundRect(x, y, width, height, Math.min(6 * unit, width / 4, height / 4));
      if (wrong) {
        context.moveTo(x, y);
        context.lineTo(x + width, y + height);
        context.moveTo(x + width, y);
        context.lineTo(x, y + height);
      }
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}
