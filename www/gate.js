// The one place where the page starts scripts of its own: the engine's worker, the library's, and the
// gatekeeper (sw.js, a service worker), which lets nothing but GETs of this site's files through and
// keeps them, and the library's of models that the artist asked for.

const ENGINE = new URL("engine.js", import.meta.url).href;
const LIBRARY = new URL("library.js", import.meta.url).href;
const GATEKEEPER = new URL("sw.js", import.meta.url).href;
/** How long the start of the page waits for the gatekeeper, in milliseconds. */
const PATIENCE = 2_000;

// The page's policy wants trusted types, and this is the only one: it knows three scripts and no fourth.
const scripts = {
  engine: () => importing(ENGINE),
  library: () => importing(LIBRARY),
  gatekeeper: () => GATEKEEPER,
};
// A worker that is fetched has the policy that its host sends, which is none; one from a blob has the
// page's.
const importing = (script) => URL.createObjectURL(new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" }));
const createScriptURL = (name) => {
  if (!Object.hasOwn(scripts, name)) throw new TypeError(`${name} is no script of this page`);
  return scripts[name]();
};
const policy = globalThis.trustedTypes?.createPolicy("atelier", { createScriptURL }) ?? { createScriptURL };

/** The engine's worker, just started. */
export function engine() {
  return new Worker(policy.createScriptURL("engine"), { type: "module", name: "atelier-engine" });
}

/** The library's worker, just started: it fetches Studio models and keeps them. */
export function library() {
  return new Worker(policy.createScriptURL("library"), { type: "module", name: "atelier-library" });
}

const container = navigator.serviceWorker;
let registration;
let heard = () => {};

/** Calls `hear` with what the gatekeeper says: a JSON text of `{kept, of}`, `{update}` or `{otherTabs}`. */
export function onGatekeeper(hear) {
  heard = (news) => hear(JSON.stringify(news));
  watchForUpdates();
}

/** Whether the gatekeeper stands between page and network. */
export function isGuarded() {
  return Boolean(container?.controller);
}

/** Asks the gatekeeper to fetch and keep what it does not have yet of the site. */
export function keepSite() {
  container?.controller?.postMessage("keep");
}

/** Puts the version that waits in place of this one and loads the page again. */
export function takeOver() {
  container.addEventListener("controllerchange", () => location.reload(), { once: true });
  registration.waiting?.postMessage("take over");
}

/**
 * Registers the gatekeeper and waits until it stands between page and network, for a moment at most:
 * where a browser grants none (private windows, plain http) or takes its time, the page works without.
 */
export async function gatekeeper() {
  if (!container) return;
  container.addEventListener("message", ({ data }) => heard(data));
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const standing = stand().catch((error) => console.info("The page works without its gatekeeper:", error));
  await Promise.race([standing, patience]);
}

async function stand() {
  registration = await container.register(policy.createScriptURL("gatekeeper"), { updateViaCache: "none" });
  watchForUpdates();
  if (container.controller) return;
  const controlled = new Promise((resolve) => container.addEventListener("controllerchange", resolve, { once: true }));
  // After a forced reload the page is without, though there is one.
  registration.active?.postMessage("claim");
  await controlled;
}

function watchForUpdates() {
  if (!registration) return;
  const look = (worker) => {
    if (worker?.state === "installed" && container.controller) heard({ update: true });
  };
  look(registration.waiting);
  registration.onupdatefound = () => {
    const coming = registration.installing;
    coming?.addEventListener("statechange", () => look(coming));
  };
}
