// The gatekeeper: a service worker that stands between the page, the engine and the network. It lets
// nothing through but GETs of this site's own files, tells the page of each, and keeps the files, so
// that after the first visit everything works without a network. Models that the artist asks for by name
// pass too, and are not kept here: the library keeps them.
//
// Files are kept under their contents' hash, and only when they have it. So a version of the site is
// whole or not there, and an update fetches what has changed and nothing else.

// Path -> SHA-256 of all files of this build; `cargo xtask` writes it.
const FILES = {};

const SITE = new URL("./", self.location.href).href;
// The Hub, and all that the library asks there: what there is of a model, and its files at a commit.
const HUB = "https://huggingface.co/";
const OF_HUB = [/^api\/models\/[\w.-]+\/[\w.-]+\/revision\/[\w.%-]+\?blobs=true$/, /^[\w.-]+\/[\w.-]+\/resolve\/[0-9a-f]{40}\/[\w.%~/-]+$/];
// In the same layout, models that the site serves itself.
const OWN_HUB = `${SITE}hub/`;
// Hosts may serve several sites from one origin.
const STORE = `atelier ${SITE}`;
const keyOf = (path) => `${addressOf(path)}?sha256=${FILES[path]}`;

/** Keeping under way, by path. */
const keeping = new Map();

// --- Its life ---

self.addEventListener("install", (event) => event.waitUntil(prepare()));

/** On a first visit there is nothing to wait for; an update is ready once all it will need is here. */
async function prepare() {
  if (!self.registration.active) return;
  const store = await caches.open(STORE);
  const had = new Set((await store.keys()).map(({ url }) => pathOf(url)));
  const isCode = (path) => !path.includes("/");
  for (const path of Object.keys(FILES)) {
    if ((isCode(path) || had.has(path)) && !(await keep(path))) throw new Error(`${path} is not of this build`);
  }
}

self.addEventListener("activate", (event) => event.waitUntil(takeCharge()));

async function takeCharge() {
  await self.clients.claim();
  const store = await caches.open(STORE);
  const current = new Set(Object.keys(FILES).map(keyOf));
  for (const { url } of await store.keys()) {
    if (url.includes("?sha256=") && !current.has(url)) await store.delete(url);
  }
}

self.addEventListener("message", (event) => {
  if (event.data === "keep") event.waitUntil(keepAll(event.source));
  if (event.data === "claim") event.waitUntil(self.clients.claim());
  if (event.data === "take over") event.waitUntil(takeOver(event.source));
});

/** With another tab open, that one would go on with files of two versions. */
async function takeOver(page) {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (open.filter(({ url }) => url.startsWith(SITE)).length > 1) page.postMessage({ otherTabs: true });
  else await self.skipWaiting();
}

// --- Its gate ---

self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && isOfModel(url)) return;
  if (method !== "GET" || !url.startsWith(SITE)) {
    tell([{ url, at: Date.now(), blocked: true }]);
    event.respondWith(Response.error());
    return;
  }
  event.respondWith(answer(event));
});

function isOfModel(url) {
  const base = [HUB, OWN_HUB].find((base) => url.startsWith(base));
  return Boolean(base) && OF_HUB.some((form) => form.test(url.slice(base.length)));
}

async function answer(event) {
  const path = pathOf(event.request.url);
  if (!Object.hasOwn(FILES, path)) return answerUnknown(event);
  await keeping.get(path)?.catch(() => {});
  const store = await caches.open(STORE);
  const kept = await store.match(keyOf(path));
  if (kept) return kept;
  const response = await ask(path);
  if (response.ok) event.waitUntil(keep(path, response.clone()));
  return response;
}

/** What the build does not know (a gallery's pictures): the network first, else what came before. */
async function answerUnknown({ request }) {
  const store = await caches.open(STORE);
  const url = request.url.split("#")[0];
  try {
    const response = await fetch(request);
    tell([{ url, at: Date.now(), bytes: Number(response.headers.get("content-length")) }]);
    if (response.ok) await store.put(url, response.clone());
    return response;
  } catch {
    return (await store.match(url)) ?? Response.error();
  }
}

/** The path inside the site, as `FILES` has it. */
function pathOf(url) {
  const path = url.slice(SITE.length).split(/[?#]/)[0];
  try {
    return decodeURIComponent(path) || "index.html";
  } catch {
    return path;
  }
}

const addressOf = (path) => SITE + path.split("/").map(encodeURIComponent).join("/");

async function ask(path) {
  const response = await fetch(addressOf(path), { cache: "no-cache" });
  // Some hosts send from index.html to its folder, and a page may not be answered with a detour.
  return response.redirected ? new Response(response.body, response) : response;
}

// --- What it keeps ---

async function keepAll(page) {
  const paths = Object.keys(FILES);
  let kept = 0;
  for (const path of paths) {
    // Offline, or no room: the rest may still come, and what is missing comes another time.
    kept += (await keep(path).catch(() => false)) ? 1 : 0;
    page.postMessage({ kept, of: paths.length });
  }
}

/** Fetches (unless it is handed the answer) and keeps a file; false where it is another version's. */
function keep(path, response) {
  const under = keeping.get(path) ?? keepNow(path, response).finally(() => keeping.delete(path));
  keeping.set(path, under);
  return under;
}

async function keepNow(path, response) {
  const store = await caches.open(STORE);
  if (await store.match(keyOf(path))) return true;
  response ??= await ask(path);
  if (!response.ok) return false;
  const bytes = await response.arrayBuffer();
  tell([{ url: addressOf(path), at: Date.now(), bytes: bytes.byteLength }]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hash !== FILES[path]) {
    // The site has changed under the page: its next visit gets the new version, whole.
    self.registration.update().catch(() => {});
    return false;
  }
  const headers = {
    "content-type": response.headers.get("content-type") ?? "application/octet-stream",
    "content-length": String(bytes.byteLength),
  };
  await store.put(keyOf(path), new Response(bytes, { headers }));
  return true;
}

// --- What it tells ---

// As `openList` of requests.js, which a classic script cannot import.
const channel = new BroadcastChannel("atelier-requests");
const told = [];
channel.onmessage = ({ data }) => {
  if (data === "tell") channel.postMessage({ requests: told });
};

function tell(entries) {
  const requests = entries.map((entry) => ({ who: "gatekeeper", bytes: 0, kept: false, blocked: false, ...entry }));
  told.push(...requests);
  channel.postMessage({ requests });
}
