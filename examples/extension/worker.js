// Service worker of an extension (Manifest V3): a click on its icon looks at what the tab in front shows and tells how much was found.
// Build it into one file: esbuild worker.js --bundle --format=esm --outfile=OUT/worker.js
import { Detector } from "fourway";

const detector = Detector.load(); // once, and again whenever the browser starts this worker anew

async function look() {
  const shown = await fetch(await chrome.tabs.captureVisibleTab({ format: "png" }));
  const picture = await createImageBitmap(await shown.blob());
  const { width, height } = picture;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(picture, 0, 0);
  picture.close();
  return (await detector).detect(context.getImageData(0, 0, width, height));
}

chrome.action.onClicked.addListener(async () => {
  const { objects } = await look();
  await chrome.action.setTitle({ title: objects.map(({ task, score }) => `${task} ${score.toFixed(2)}`).join("\n") || "Nothing found" });
  await chrome.action.setBadgeText({ text: String(objects.length) });
});
