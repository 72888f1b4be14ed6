// Keeps the page's files, each as the network gave it last, and gives them where there is no network. Models are not among
// them: the package keeps those itself, in pieces and checked.
const CACHE = "page";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page tells what it is made of.
self.addEventListener("message", (event) => event.waitUntil(keep(event.data)));

async function keep(urls) {
  const cache = await caches.open(CACHE);
  for (const url of new Set(urls)) {
    // What isn't there, such as an icon that browsers ask for, keeps nothing else from being kept.
    if (!(await cache.match(url))) await cache.add(url).catch(() => {});
  }
}

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin || pathname.endsWith(".gguf")) return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request);
    if (!kept) throw error;
    return kept;
  }
}
