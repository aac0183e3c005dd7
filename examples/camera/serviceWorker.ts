// Keeps the app's files, so that it works without a network. The build (scripts/demo-web.mjs) puts their list in place of FILES.
declare const FILES: readonly { path: string; integrity: string }[];
/** Of the list: another build, another cache. */
declare const VERSION: string;

interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface RequestEvent extends LifeEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const PREFIX = "fourway-";
const addressOf = (path: string): string => new URL(path, location.href).href;

/** Fetches all files; one whose digest is not that of the list is refused, and with it the new build. */
async function keep(): Promise<void> {
  const cache = await caches.open(PREFIX + VERSION);
  await Promise.all(
    FILES.map(async ({ path, integrity }) => {
      const request = new Request(addressOf(path), { integrity, cache: "no-cache" });
      const response = await fetch(request);
      if (!response.ok) throw new Error(`${path}: status ${response.status}`);
      await cache.put(addressOf(path), response);
    }),
  );
}

async function dropOlder(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION).map((name) => caches.delete(name)));
  await (globalThis as unknown as { clients: { claim(): Promise<void> } }).clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const address = request.mode === "navigate" ? addressOf("index.html") : request.url;
  return (await (await caches.open(PREFIX + VERSION)).match(address)) ?? fetch(request);
}

addEventListener("install", (event) => (event as LifeEvent).waitUntil(keep()));
addEventListener("activate", (event) => (event as LifeEvent).waitUntil(dropOlder()));
addEventListener("fetch", (event) => {
  const { request, respondWith } = event as RequestEvent;
  if (request.method === "GET" && request.url.startsWith(addressOf("./"))) respondWith.call(event, answer(request));
});
