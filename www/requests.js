// What a thread asked the network for, told to the page's list of requests ("What left this machine")
// over a channel inside this browser: as it happens, and all of it to whoever asks "tell".

const CHANNEL = "atelier-requests";

/** Tells of requests as `{who, url, at, bytes, kept, blocked}`; `who` is "page", "engine", "library" or "gatekeeper". */
export function openList(who) {
  const channel = new BroadcastChannel(CHANNEL);
  const told = [];
  channel.onmessage = ({ data }) => {
    if (data === "tell") channel.postMessage({ requests: told });
  };
  return (entries) => {
    const requests = entries.map((entry) => ({ who, bytes: 0, kept: false, blocked: false, ...entry }));
    told.push(...requests);
    if (requests.length > 0) channel.postMessage({ requests });
  };
}

/** Reports what the browser's own record of this thread has, from its beginning, of addresses that are `wanted`. */
export function report(who, wanted = () => true) {
  const tell = openList(who);
  const observer = new PerformanceObserver((list) => {
    const asked = list.getEntries().filter(({ name }) => /^https?:/.test(name) && wanted(name));
    tell(asked.map((entry) => ({
      url: entry.name,
      at: performance.timeOrigin + entry.startTime,
      bytes: entry.transferSize ?? 0,
      // Answered by the gatekeeper, which tells itself when it had to ask the network.
      kept: entry.workerStart > 0,
    })));
  });
  for (const type of ["navigation", "resource"]) {
    if (PerformanceObserver.supportedEntryTypes.includes(type)) observer.observe({ type, buffered: true });
  }
  // What the page's policy stopped before it left.
  globalThis.addEventListener("securitypolicyviolation", ({ blockedURI }) => {
    tell([{ url: String(blockedURI), at: Date.now(), blocked: true }]);
  });
}
