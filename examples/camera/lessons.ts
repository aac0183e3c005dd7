// Learning by tapping: pictures that stand still are put right, a model learns from them in a worker, and the person decides whether to use it.

import { colourOf, type FourwayCamera } from "../../src/web/index.js"; // "fourway/element"
import type { Lessons, Outcome } from "./learnWorker.js";
import { Sheet } from "./sheet.js";
import { Teacher } from "./teacher.js";

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const button = (id: string): HTMLButtonElement => element(id);
const panels = ["looking", "lessons", "marking"].map((id) => element(id));
const [taught, outcome, progress, bar] = [element("taught"), element("outcome"), element("progress"), element<HTMLProgressElement>("bar")];
const [mark, learn, stop, keep, drop] = [button("mark"), button("learn"), button("stop"), button("keep"), button("drop")];
const [undo, save, forget] = [button("undo"), button("save"), button("forget")];
const [tasks, marked, whole, none, add] = [element("tasks"), element("marked"), button("whole"), button("none"), button("add")];

/** Pictures of a kind from which on some are held back to check what was learned. */
const TO_CHECK = 4;

/** The app's part that teaches. */
export class Teaching {
  private teacher: Teacher | undefined;
  private now: Lessons | undefined;
  /** What was learned and waits for a decision. */
  private pending: Outcome | undefined;
  private picture: ImageData | undefined;
  private readonly sheet: Sheet;
  /** Tasks of which there are no more in the picture than its boxes. */
  private all = new Set<string>();
  private address = "";

  /**
   * @param model which one is chosen: "n", "s" or "m"
   * @param say says something for a moment
   */
  constructor(
    private readonly camera: FourwayCamera,
    private readonly model: () => string,
    private readonly say: (sentence: string) => void,
    private readonly download: (blob: Blob, name: string) => void,
  ) {
    this.sheet = new Sheet(
      element<HTMLCanvasElement>("sheet"),
      () => this.telltale(),
      ({ task, wrong }, number, count) => {
        marked.textContent = `${this.name(task)}${wrong ? ", wrong" : ""}, ${number} of ${count}`;
      },
    );
    this.on(button("teach"), () => this.open());
    this.on(button("done"), async () => this.show("looking"));
    this.on(mark, () => this.stand());
    this.on(learn, () => this.learn());
    this.on(stop, async () => void this.teacher!.ask("stop"));
    this.on(keep, async () => this.take(await this.teacher!.ask("keep"), "The camera uses it now"));
    this.on(drop, async () => {
      this.now = await this.teacher!.ask("drop");
      this.tell();
    });
    this.on(undo, async () => this.take(await this.teacher!.ask("undo"), "The model is as it was before"));
    this.on(save, async () => this.download(await this.file(), `fourway-${this.model()}-taught.onnx`));
    this.on(forget, () => this.forgetAll());
    this.on(none, async () => {
      this.all.add(this.sheet.task);
      this.sheet.none(this.sheet.task);
      this.telltale();
    });
    this.on(whole, async () => {
      if (!this.all.delete(this.sheet.task)) this.all.add(this.sheet.task);
      this.telltale();
    });
    this.on(button("cancel"), async () => this.leave());
    this.on(add, () => this.add());
  }

  /** Another model was chosen: what it was taught here is used. */
  async begin(): Promise<void> {
    this.teacher?.close();
    this.teacher = this.now = this.pending = undefined;
    this.show("looking");
    this.use(`models/fourway-${this.model()}.onnx`);
    if (!(await Teacher.knows(this.model()))) return;
    try {
      const { learned } = await this.lessons();
      if (learned) this.use(URL.createObjectURL(await this.file()));
    } catch (error) {
      this.say((error as Error).message);
    }
  }

  private use(address: string): void {
    if (this.address.startsWith("blob:")) URL.revokeObjectURL(this.address);
    this.address = new URL(address, document.baseURI).href;
    this.camera.model = this.address;
  }

  private async file(): Promise<Blob> {
    return new Blob([(await this.teacher!.ask("file")) as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" });
  }

  /** What a press does; what goes wrong is said. */
  private on(pressed: HTMLButtonElement, work: () => Promise<void>): void {
    pressed.onclick = async () => {
      pressed.disabled = true;
      try {
        await work();
      } catch (error) {
        this.say((error as Error).message);
      } finally {
        pressed.disabled = false;
        if (this.now) this.tell();
        if (pressed === add || pressed === none || pressed === whole) this.telltale();
      }
    };
  }

  private show(panel: "looking" | "lessons" | "marking"): void {
    for (const each of panels) each.hidden = each.id !== panel;
    const marks = panel === "marking";
    element("sheet").hidden = !marks;
    this.camera.hidden = marks;
    if (this.camera.state === "live" || this.camera.state === "paused") this.camera.paused = marks;
  }

  private async lessons(): Promise<Lessons> {
    if (!this.teacher) {
      this.teacher = new Teacher(this.model());
      this.teacher.onProgress = (step, steps) => {
        bar.value = step / steps;
      };
      try {
        this.now = await this.teacher.ask("open", this.model());
      } catch (error) {
        this.teacher.close();
        this.teacher = undefined;
        throw error;
      }
    }
    return this.now!;
  }

  private async open(): Promise<void> {
    await this.lessons();
    this.tell();
    this.show("lessons");
  }

  /** The picture of now stands still, to be put right. */
  private async stand(): Promise<void> {
    this.picture = this.camera.frame();
    const found = await this.teacher!.ask("suggest", this.picture as never);
    this.all = new Set();
    const names = this.now!.tasks;
    const chips = names.map((task, i) => {
      const chip = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "task", value: task, checked: i === 0 });
      input.onchange = () => {
        this.sheet.task = task;
        this.telltale();
      };
      const dot = document.createElement("i");
      dot.style.background = colourOf(task);
      chip.append(input, dot, this.name(task));
      return chip;
    });
    tasks.replaceChildren(...chips);
    this.sheet.task = names[0]!;
    this.show("marking");
    this.sheet.show(this.picture, found);
    this.telltale();
  }

  private leave(): void {
    this.picture = undefined;
    this.show("lessons");
  }

  private async add(): Promise<void> {
    const labels = this.sheet.labels(this.all);
    this.now = await this.teacher!.ask("add", this.picture as never, labels);
    void navigator.storage.persist?.();
    this.leave();
    this.say("Picture kept");
  }

  private async learn(): Promise<void> {
    bar.removeAttribute("value");
    progress.hidden = false;
    outcome.replaceChildren();
    this.pending = undefined;
    this.tell();
    try {
      const learned = await this.teacher!.ask("learn");
      this.pending = learned.waits ? learned : undefined;
      outcome.replaceChildren(...this.verdict(learned));
    } finally {
      progress.hidden = true;
    }
  }

  /** Before and after, in words. */
  private verdict({ report, evaluation, waits }: Outcome): HTMLElement[] {
    const line = (text: string): HTMLElement => Object.assign(document.createElement("p"), { textContent: text });
    const share = (f1: number | null): string => (f1 === null ? "nothing to find" : `${Math.round(100 * f1)} %`);
    const lines = Object.keys(report.guard).map((task) => {
      const { before, after, frames, held } = evaluation[task]!;
      const name = capital(this.camera.words.task(task, 2));
      if (report.refused.includes(task)) return line(`${name}: not better on the pictures held back, so kept as before.`);
      const on = held ? `${frames} held-back` : `the ${frames} taught`;
      return line(`${name}: right ${share(before.f1)} before, ${share(after.f1)} now (on ${on} ${frames === 1 ? "picture" : "pictures"}).`);
    });
    const flattering = Object.keys(report.guard).some((task) => !evaluation[task]!.held);
    if (!waits) lines.push(line("Nothing got better. Teach it a few more pictures."));
    else if (flattering)
      lines.push(line(`Pictures it has learned from flatter. From ${TO_CHECK} of a kind on, one is held back to check.`));
    return lines;
  }

  /** Another version is in use. */
  private async take(lessons: Lessons, sentence: string): Promise<void> {
    this.now = lessons;
    this.pending = undefined;
    outcome.replaceChildren();
    this.use(lessons.learned ? URL.createObjectURL(await this.file()) : `models/fourway-${this.model()}.onnx`);
    this.say(sentence);
  }

  private async forgetAll(): Promise<void> {
    if (!confirm("Delete all pictures and all that was learned from them?")) return;
    await this.teacher!.ask("forget", this.model());
    outcome.replaceChildren();
    await this.begin();
  }

  /** What was taught, and what can be done now. */
  private tell(): void {
    const { pictures, of, learned } = this.now!;
    const said = Object.entries(of).map(([task, count]) => `${this.name(task)} in ${count}`);
    taught.textContent =
      pictures === 0
        ? "Show the model what it gets wrong here. It learns on this device; no picture leaves it."
        : `${pictures} ${pictures === 1 ? "picture" : "pictures"} taught: ${said.join(", ")}.`;
    const busy = !progress.hidden;
    mark.disabled = busy || !["live", "paused", "muted"].includes(this.camera.state);
    learn.disabled = busy || pictures === 0;
    keep.hidden = drop.hidden = !this.pending || busy;
    undo.hidden = save.hidden = !learned || busy || this.pending !== undefined;
    forget.hidden = pictures === 0 || busy || this.pending !== undefined;
    learn.hidden = this.pending !== undefined;
  }

  /** What the marks say so far. */
  private telltale(): void {
    const { task } = this.sheet;
    const [wrong, drawn] = [this.sheet.marks.filter((each) => each.wrong), this.sheet.marks.filter(({ score }) => score === undefined)];
    const right = this.sheet.right(task).length;
    whole.hidden = right === 0;
    whole.textContent = right === 1 ? `That is the only ${this.name(task)}` : `Those are all ${this.camera.words.task(task, 2)}`;
    whole.setAttribute("aria-pressed", String(this.all.has(task)));
    none.textContent = `Nothing here is a ${this.name(task)}`;
    none.setAttribute("aria-pressed", String(this.all.has(task) && right === 0));
    const said = [
      wrong.length > 0 ? `${wrong.length} wrong` : "",
      drawn.length > 0 ? `${drawn.length} drawn` : "",
      ...[...this.all].map((each) => `${this.name(each)}: complete`),
    ].filter(Boolean);
    marked.textContent = said.join(" · ") || "Tap a box that is wrong. Draw one around what was missed.";
    add.disabled = said.length === 0;
  }

  private name(task: string): string {
    return this.camera.words.task(task, 1);
  }
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
