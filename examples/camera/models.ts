/** The models that the pages offer: what each is best for. scripts/demo-web.mjs puts their files beside the pages. */
export const MODELS = { n: "fastest", s: "for phones", m: "finds more", l: "finds most" };
const FIRST = "m";

/** Fills a list of models. */
export function offerModels(list: HTMLSelectElement): void {
  for (const [size, use] of Object.entries(MODELS)) list.append(new Option(`${size}, ${use}`, size, size === FIRST, size === FIRST));
}
