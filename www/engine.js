// Starts the engine (worker.js and worker_bg.wasm, which Trunk makes of the crate `engine`).
//
// A module worker hears messages as soon as this script has run once, long before the wasm is there.
// So they are kept here and played again when the engine listens.
import { report } from "./requests.js";
import start from "./worker.js";

report("engine");

const early = [];
const keep = (event) => early.push(event.data);
self.addEventListener("message", keep);

// A trap inside a promise (a panic of the engine's) is an error of the worker like any other.
self.addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof WebAssembly.RuntimeError) setTimeout(() => { throw reason; });
});

start().then(
  () => {
    self.removeEventListener("message", keep);
    for (const data of early) self.dispatchEvent(new MessageEvent("message", { data }));
  },
  // Out of the promise, so that the page hears of it as the worker's error.
  (error) => setTimeout(() => { throw error; }),
);
