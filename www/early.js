// A module worker hears messages as soon as its script has run once, long before the wasm is there. So
// they are kept here and played again when it listens.

/** Starts what `start` (of wasm-bindgen) starts, and loses no message meanwhile. */
export function begin(start) {
  const early = [];
  const keep = (event) => early.push(event.data);
  self.addEventListener("message", keep);

  // A trap inside a promise (a panic) is an error of the worker like any other.
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
}
