/** Properties of `<fourway-camera>` that are attributes of text, with their names. */
export const TEXTS = {
  src: "src",
  facing: "facing",
  device: "device",
  resolution: "resolution",
  model: "model",
  pixels: "pixels",
  budgetMs: "budget-ms",
  threads: "threads",
  operatingPoint: "operating-point",
  fit: "fit",
} as const;
/** The same of attributes that are there or not. */
export const FLAGS = ["autostart", "controls", "paused"] as const;

/** Gives a class of elements properties that are attributes: text (null where there is none), and flags. */
export function reflect(prototype: HTMLElement, texts: Readonly<Record<string, string>>, flags: readonly string[]): void {
  for (const [property, attribute] of Object.entries(texts))
    Object.defineProperty(prototype, property, {
      get(this: HTMLElement) {
        return this.getAttribute(attribute);
      },
      set(this: HTMLElement, value: unknown) {
        if (value === null || value === undefined) this.removeAttribute(attribute);
        else this.setAttribute(attribute, String(value));
      },
    });
  for (const flag of flags)
    Object.defineProperty(prototype, flag, {
      get(this: HTMLElement) {
        return this.hasAttribute(flag);
      },
      set(this: HTMLElement, value: unknown) {
        this.toggleAttribute(flag, Boolean(value));
      },
    });
}
