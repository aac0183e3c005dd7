// What the reports have in common: an HTML page that stands alone, without scripts and without anything from elsewhere; light and dark by the reader's
// preference.

import { dirname } from "node:path";
import { escapeMarkup } from "../report/plot.js";
import { makeFolder, safeWrite } from "./safeWrite.js";

const STYLE = `:root{color-scheme:light dark;--ground:#fff;--text:#1c2024;--soft:#5b6570;--line:#d8dde2;--tile:#f3f5f7}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--text:#e4e7ea;--soft:#9aa4ae;--line:#343a40;--tile:#1e2226}}
*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .5rem}
p,figcaption,dt{color:var(--soft)}p{max-width:46rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}th,td{padding:.35rem .5rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{vertical-align:bottom;white-space:normal;font-weight:600;font-size:.85rem}th:first-child{text-align:left;position:sticky;left:0;background:var(--ground)}tr.mean>*{font-weight:700;border-bottom:0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}.plots>svg{width:100%;height:auto}
.pairs{display:grid;grid-template-columns:1fr 1fr;gap:.7rem}.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.7rem}figure{margin:0;padding:.4rem;background:var(--tile);border-radius:.4rem}
figure>img,figure>svg{display:block;width:100%}.tiles img,.tiles svg{aspect-ratio:1;object-fit:contain}figcaption{font-size:.8rem;line-height:1.35;margin-top:.3rem;overflow-wrap:anywhere}figcaption b{color:var(--text)}`;

/**
 * A page as HTML.
 * @param facts shown under the title
 * @param body HTML
 */
export function htmlPage(title: string, facts: Readonly<Record<string, string | number>>, body: string): string {
  const list = Object.entries(facts).map(([name, value]) => `<dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(String(value))}</dd>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeMarkup(title)}</h1>${list.length === 0 ? "" : `<dl>${list.join("")}</dl>`}
${body}
</body></html>
`;
}

/** A row of a table: its name as text, its cells as HTML. */
export function tableRow(name: string, cells: readonly string[], kind = ""): string {
  const ofKind = kind === "" ? "" : ` class="${kind}"`;
  return `<tr${ofKind}><th scope="row">${escapeMarkup(name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** A table with heads as text and rows of `tableRow`. */
export function tableWith(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((name) => `<th scope="col">${escapeMarkup(name)}</th>`).join("");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** Writes a page, whole or not at all; its folder is made where it is missing. @throws E_RUNTIME where it cannot be written */
export async function writePage(path: string, html: string): Promise<void> {
  await makeFolder(dirname(path));
  await safeWrite(path, html);
}
