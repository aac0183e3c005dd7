/** The element's own look; pages change it by its parts and custom properties. */
export const STYLE = `
:host {
  --fourway-ground: light-dark(#f3f4f6, #14171c);
  --fourway-text: light-dark(#16191f, #eceef2);
  --fourway-quiet: light-dark(#5a6270, #a2aab8);
  --fourway-line: light-dark(#d9dce2, #2c323c);
  --fourway-accent: light-dark(#1f5fd6, #7db2ff);
  --fourway-radius: 14px;
  display: block;
  color: var(--fourway-text);
  font: 15px/1.4 system-ui, sans-serif;
}
:host([hidden]) { display: none; }
.frame { display: flex; flex-direction: column; gap: 12px; height: 100%; }
.stage {
  position: relative; flex: 1 1 auto; min-height: 0; overflow: hidden; background: #0b0d10;
  border-radius: var(--fourway-radius); aspect-ratio: var(--fourway-ratio, 16 / 9); touch-action: manipulation;
}
.stage:focus-visible, button:focus-visible, select:focus-visible { outline: 3px solid var(--fourway-accent); outline-offset: 2px; }
video, canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
video { object-fit: contain; }
:host([fit="cover"]) video { object-fit: cover; }
.mirrored video { transform: scaleX(-1); }
canvas { pointer-events: none; }
.message {
  position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 16px;
  padding: 24px; text-align: center; text-wrap: balance; color: #f1f3f6; background: rgb(11 13 16 / 0.72);
}
.message p { margin: 0; max-width: 34ch; font-size: 16px; }
button, select {
  font: inherit; font-weight: 600; color: inherit; min-height: 44px; padding: 0 16px; border: 1px solid var(--fourway-line);
  border-radius: 22px; background: var(--fourway-ground); cursor: pointer;
}
button:hover, select:hover { border-color: var(--fourway-accent); }
.message button { color: #0b0d10; background: #ffffff; border-color: #ffffff; padding: 0 22px; }
[hidden] { display: none !important; }
.bars { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px 18px; margin: 0; padding: 0; list-style: none; }
.bars li { display: grid; grid-template-columns: 1fr auto; gap: 4px 8px; }
.bars .share { font-variant-numeric: tabular-nums; color: var(--fourway-quiet); }
.track { grid-column: 1 / -1; height: 6px; border-radius: 3px; background: var(--fourway-line); overflow: hidden; }
.fill { height: 100%; border-radius: 3px; transform-origin: left; transform: scaleX(0); }
.controls { display: flex; flex-wrap: wrap; gap: 8px; }
.controls select { flex: 0 1 auto; min-width: 0; max-width: 100%; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .fill { background: Highlight !important; forced-color-adjust: none; } }
`;
