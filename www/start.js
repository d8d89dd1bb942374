// Starts the page: its gatekeeper first, so that on a first visit too the engine's requests pass it,
// then studio.js, which Trunk makes of the crate `studio` and names beside this script's tag.
import { gatekeeper } from "./gate.js";
import { report } from "./requests.js";

// No browser knows the policy's directive for WebRTC (`webrtc 'block'`) yet, so the way out is taken off.
for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) delete globalThis[name];

report("page");
const { js, wasm } = document.querySelector("script[data-js]").dataset;
const [{ default: start }] = await Promise.all([import(js), gatekeeper()]);
await start({ module_or_path: new URL(wasm, document.baseURI) });
