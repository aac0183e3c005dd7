import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FourwayCamera } from "../../src/web/element.js";
import { Motion } from "../../src/web/motion.js";
import { boxAt, inPicture, placeOn } from "../../src/web/overlay.js";
import { describe, ENGLISH, stateOf, wordsOf } from "../../src/web/words.js";

const FRAME = [100, 50] as const;
const car = (x: number, score = 0.9) => ({ task: "car", score, box: { x, y: 10, width: 20, height: 20 } });
/** Many times longer than anything takes. */
const AGES = 20_000;

test("a box goes to where its object is seen next, past all places between, and arrives", () => {
  const motion = new Motion();
  motion.see([car(10)], {}, ...FRAME);
  motion.step(0);
  assert.equal(motion.boxes[0]!.box.x, 0.1);
  motion.see([car(20)], {}, ...FRAME);
  const way: number[] = [];
  for (let now = 16; now < 400; now += 16) {
    motion.step(now);
    way.push(motion.boxes[0]!.box.x);
  }
  assert.ok(
    way.every((x, i) => x > 0.1 && x < 0.2 && (i === 0 || x > way[i - 1]!)),
    String(way),
  );
  assert.ok(way[3]! > 0.15, "most of the way within four frames");
  motion.step(AGES);
  assert.ok(Math.abs(motion.boxes[0]!.box.x - 0.2) < 1e-9);
  assert.equal(motion.step(AGES + 16), false, "nothing moves any more");
});

test("boxes follow the object they overlap most, each its own, and only one of their task", () => {
  const motion = new Motion();
  motion.see([car(10), car(60), { ...car(30), task: "pedestrian" }], {}, ...FRAME);
  motion.step(0);
  const [left, right, person] = motion.boxes;
  motion.see([car(58), car(12), { ...car(31), task: "pedestrian" }], {}, ...FRAME);
  motion.step(AGES);
  assert.deepEqual(
    [left, right, person].map((each) => Math.round(100 * each!.box.x)),
    [12, 58, 31],
  );
  assert.equal(motion.boxes.length, 3);
  motion.see([car(30)], {}, ...FRAME); // overlaps the pedestrian alone
  assert.equal(motion.boxes.length, 4);
});

test("a box that is seen no more fades and goes; one that is new appears", () => {
  const motion = new Motion();
  motion.see([car(10)], {}, ...FRAME);
  motion.step(0);
  assert.equal(motion.boxes[0]!.opacity, 0);
  motion.step(100);
  assert.ok(motion.boxes[0]!.opacity > 0.5);
  motion.see([], {}, ...FRAME);
  motion.step(150);
  assert.equal(motion.boxes.length, 1);
  motion.step(AGES);
  assert.equal(motion.boxes.length, 0);
});

test("boxes have to be drawn anew only where that can be seen", () => {
  const motion = new Motion();
  const pixel = 1 / 800;
  const car = (x: number, score = 0.9) => [{ task: "car", score, box: { x, y: 10, width: 50, height: 50 } }];
  const drawn = (from: number, until: number): number => {
    let count = 0;
    for (let now = from; now <= until; now += 16) {
      motion.step(now);
      if (!motion.looksNew(pixel)) continue;
      motion.markDrawn();
      count++;
    }
    return count;
  };
  motion.see(car(100), { car: 1 }, 800, 400);
  assert.ok(drawn(0, 1000) > 3); // it appears
  motion.see(car(100.1), { car: 0.2 }, 800, 400); // of the bars alone more is to be seen
  assert.equal(drawn(1000, 2000), 0);
  motion.see(car(100.1, 0.8), { car: 0.2 }, 800, 400); // it says another number
  assert.equal(drawn(2000, 3000), 1);
  motion.see(car(120, 0.8), { car: 0.2 }, 800, 400); // it moves
  assert.ok(drawn(3000, 4000) > 5);
  motion.see([], {}, 800, 400); // it fades
  assert.ok(drawn(4000, 5000) > 5);
  assert.equal(drawn(5000, 6000), 0);
});

test("presence rises at once and falls slowly", () => {
  const motion = new Motion();
  motion.step(0);
  motion.see([], { car: 1 }, ...FRAME);
  motion.step(200);
  const risen = motion.presence.get("car")!;
  assert.ok(risen > 0.85, String(risen));
  motion.see([], { car: 0 }, ...FRAME);
  motion.step(400);
  assert.ok(motion.presence.get("car")! > 0.7 * risen);
  motion.step(AGES);
  assert.ok(motion.presence.get("car")! < 1e-6);
  motion.clear();
  assert.equal(motion.presence.size, 0);
});

test("a point of the stage is found in the picture, contained or covering, mirrored or not, and in the smallest box there", () => {
  const [stage, picture] = [
    { width: 200, height: 100 },
    { width: 100, height: 100 },
  ];
  const within = placeOn(stage, picture, false, false);
  assert.deepEqual(within, { x: 50, y: 0, width: 100, height: 100, mirrored: false });
  assert.deepEqual(placeOn(stage, picture, true, false), { x: 0, y: -50, width: 200, height: 200, mirrored: false });
  assert.deepEqual(inPicture(60, 25, within), { x: 0.1, y: 0.25 });
  const mirrored = placeOn(stage, picture, false, true);
  assert.equal(inPicture(60, 25, mirrored).x, 0.9);
  const box = (x: number, side: number) => ({ task: "car", score: 1, opacity: 1, box: { x, y: x, width: side, height: side } });
  const boxes = [box(0, 0.9), box(0.3, 0.2)];
  assert.equal(boxAt(boxes, 90, 40, within), boxes[1]);
  assert.equal(boxAt(boxes, 110, 40, mirrored), boxes[1]);
  assert.equal(boxAt(boxes, 54, 4, within), boxes[0]);
  assert.equal(boxAt(boxes, 199, 99, within), undefined);
});

test("what is found, and what goes wrong with a camera, is said in words", () => {
  assert.equal(describe([car(1), { ...car(1), task: "trafficLight" }, car(5)], ENGLISH), "2 cars, 1 traffic light");
  assert.equal(describe([], ENGLISH), "nothing found");
  assert.equal(wordsOf("stopSign"), "stop sign");
  const named = (name: string): unknown => Object.assign(new Error(), { name });
  for (const [name, state] of Object.entries({
    NotAllowedError: "denied",
    NotFoundError: "no-camera",
    OverconstrainedError: "no-camera",
    NotReadableError: "busy",
    Insecure: "insecure",
    TypeError: "failed",
  }))
    assert.equal(stateOf(named(name)), state);
  for (const sentence of Object.values(ENGLISH.states)) assert.match(sentence, /^[A-Z].*(?:[.…:])$/);
});

test("on a server the element's module can be imported", () => {
  assert.equal(typeof FourwayCamera, "function");
  assert.equal("HTMLElement" in globalThis, false);
});

test("custom-elements.json tells of the attributes, parts and properties that the element has", () => {
  const { modules } = JSON.parse(readFileSync("custom-elements.json", "utf8"));
  const [element] = modules[0].declarations;
  const namesOf = (list: { name: string }[]): string[] => list.map(({ name }) => name).sort();
  assert.deepEqual(namesOf(element.attributes), [...FourwayCamera.observedAttributes].sort());
  const text = ["element", "stage", "style", "view"].map((name) => readFileSync(`src/web/${name}.ts`, "utf8")).join("\n");
  const parts = [...text.matchAll(/part: "([^"]+)"/g)].flatMap(([, names]) => names!.split(" "));
  for (const name of namesOf(element.cssParts)) assert.ok(parts.includes(name), name);
  for (const name of namesOf(element.cssProperties)) assert.ok(text.includes(`${name}:`), name);
  for (const name of namesOf(element.events)) assert.ok(text.includes(`this.tell("${name}"`), name);
  for (const name of namesOf(element.members)) assert.match(text, new RegExp(`^  (?:get |async )?${name}\\b`, "m"));
  const docs = readFileSync("docs/camera.md", "utf8");
  for (const list of [element.attributes, element.cssParts, element.cssProperties, element.events, element.members])
    for (const name of namesOf(list)) assert.ok(docs.includes(`\`${name}`), `docs/camera.md has no ${name}`);
});
