import type { Task } from "../core/task.js";
import { colourOf } from "./overlay.js";
import { STYLE } from "./style.js";
import { type CameraWords, wordsOf } from "./words.js";

/** A bar of the presence of one task. */
interface Bar {
  meter: HTMLElement;
  fill: HTMLElement;
  share: HTMLElement;
  /** What bar and number say, percent. */
  shown: number;
  said: number;
}

/** Numbers that change more often cannot be read, and each change is a layout of the page. */
const NUMBER_MS = 250;

/** An element with attributes and children. */
function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** What stands in the element's shadow: picture, message, bars and controls. */
export class View {
  readonly video = make("video", { part: "video", playsinline: "", muted: "", "aria-hidden": "true" });
  readonly canvas = make("canvas", { part: "overlay", "aria-hidden": "true" });
  readonly stage = make("div", { part: "stage", class: "stage", tabindex: "0", role: "application" });
  readonly start = make("button", { part: "button start", type: "button" });
  readonly pause = make("button", { part: "button pause", type: "button" });
  readonly snapshot = make("button", { part: "button snapshot", type: "button" });
  readonly cameras = make("select", { part: "select", hidden: "" });
  readonly context = this.canvas.getContext("2d")!;
  private readonly text = make("p", { role: "status" });
  private readonly message = make("div", { part: "message", class: "message" }, this.text, this.start);
  private readonly controls = make("div", { part: "controls", class: "controls" }, this.pause, this.snapshot, this.cameras);
  private readonly list = make("ul", { part: "bars", class: "bars" });
  private readonly said = make("div", { class: "unseen", "aria-live": "polite" });
  private readonly bars = new Map<Task, Bar>();
  private saidAt = 0;

  constructor(root: ShadowRoot) {
    const sheet = new CSSStyleSheet(); // allowed under any policy, unlike a style element
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.video.muted = true; // the attribute alone does not do it
    this.stage.append(this.video, this.canvas, this.message);
    root.append(make("div", { class: "frame" }, this.stage, this.list, this.controls, this.said));
  }

  /** The words of all that has some, and whether controls are there to be pressed. */
  name(words: CameraWords, paused: boolean, controls: boolean): void {
    this.stage.setAttribute("aria-label", words.picture);
    this.pause.textContent = paused ? words.resume : words.pause;
    this.snapshot.textContent = words.snapshot;
    this.cameras.setAttribute("aria-label", words.camera);
    this.controls.hidden = !controls;
  }

  /** A sentence over the picture and what to press; neither where all is well. */
  tell(sentence: string, button: string): void {
    if (this.text.textContent !== sentence) this.text.textContent = sentence;
    this.start.textContent = button;
    this.start.hidden = button === "";
    this.message.hidden = sentence === "";
  }

  /** Tells those who do not see the picture. */
  say(sentence: string): void {
    if (this.said.textContent !== sentence) this.said.textContent = sentence;
  }

  /** Which cameras there are to choose from. */
  choose(cameras: readonly MediaDeviceInfo[], device: string): void {
    this.cameras.hidden = cameras.length < 2;
    const options = cameras.map(({ deviceId, label }) => new Option(label, deviceId, false, deviceId === device));
    this.cameras.replaceChildren(...options);
  }

  /** A bar a task. */
  listTasks(tasks: readonly Task[]): void {
    this.bars.clear();
    const rows = tasks.map((task) => {
      const name = wordsOf(task);
      const fill = make("div", { class: "fill", part: "fill" });
      fill.style.background = colourOf(task);
      const share = make("span", { class: "share", "aria-hidden": "true" }, "0 %");
      const meter = make(
        "div",
        { class: "track", part: "track", role: "meter", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": "100" },
        fill,
      );
      meter.setAttribute("aria-valuenow", "0");
      this.bars.set(task, { meter, fill, share, shown: 0, said: 0 });
      return make("li", { part: "bar" }, make("span", { part: "name" }, name), share, meter);
    });
    this.list.replaceChildren(...rows);
  }

  /** Sets the bars, 0..1. @param now milliseconds @param last whether they will stay for a while */
  fill(presence: ReadonlyMap<Task, number>, now: number, last: boolean): void {
    const say = last || now - this.saidAt >= NUMBER_MS;
    if (say) this.saidAt = now;
    for (const [task, bar] of this.bars) {
      const percent = Math.round(100 * (presence.get(task) ?? 0));
      if (percent !== bar.shown) {
        bar.shown = percent;
        bar.fill.style.transform = `scaleX(${percent / 100})`;
      }
      if (!say || percent === bar.said) continue;
      bar.said = percent;
      bar.share.textContent = `${percent} %`;
      bar.meter.setAttribute("aria-valuenow", String(percent));
    }
  }
}
