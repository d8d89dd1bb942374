// Starts the engine (worker.js and worker_bg.wasm, which Trunk makes of the crate `engine`).
import { begin } from "./early.js";
import { report } from "./requests.js";
import start from "./worker.js";

report("engine");
begin(start);
