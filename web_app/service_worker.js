// Opens the app without a network: the page from the last visit, and the files of its release. What families say, and
// everything else that the server answers, never comes into this cache.

/// <reference lib="webworker" />

const ASSETS = "{{assets}}";
const CACHE = `toybackend ${ASSETS}`;
const PAGE = "/";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener("install", (event) => event.waitUntil(keepPage()));
worker.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
worker.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (pathname === PAGE) event.respondWith(page(event.request));
  else if (pathname.startsWith(`${ASSETS}/`)) event.respondWith(asset(event.request));
});

async function keepPage() {
  await (await caches.open(CACHE)).add(PAGE);
  await worker.skipWaiting();
}

async function forgetOthers() {
  const old = (await caches.keys()).filter((name) => name.startsWith("toybackend ") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page as it is now; without a network as it was. @param {Request} request */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(PAGE, { cacheName: CACHE });
    if (kept) return kept;
    throw error;
  }
}

/** A file of this release, which never changes. @param {Request} request */
async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
