// Starts the library of Studio models (library-worker.js and its wasm, which Trunk makes of the crate
// `library`).
import { begin } from "./early.js";
import start from "./library-worker.js";
import { report } from "./requests.js";

// What it asks the Hub for it tells itself, for of other hosts the browser does not say how much came.
report("library", (url) => !/\/(?:revision|resolve)\//.test(url));
begin(start);
