// The browser under test: Chromium with WebGPU on a software adapter, shut off from the network.

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run these tests with \`cargo xtask test browser\``);
  return value;
};

/** Where the built page is served, ends in "/". */
export const ADDRESS = need('ATELIER');
/** The same page over plain http from another host: no secure context, so no WebGPU. */
export const PLAIN_ADDRESS = ADDRESS.replace('127.0.0.1', 'plain.test');
/** Screenshots go here; git does not look at it. */
export const OUT = fileURLToPath(new URL('./out/', import.meta.url));
/** SwiftShader is slow, and a shared machine slower: how long anything may take, in milliseconds. */
export const PATIENCE = 10 * 60_000;

const QUIET = [
  '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  // Whatever the page might ask of another host fails at once, and shows in the console.
  '--host-resolver-rules=MAP plain.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
const SOFTWARE_GPU = [
  '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader',
];

mkdirSync(OUT, { recursive: true });

/** Opens a browser with an empty profile; without `gpu` it has WebGPU and finds no adapter. */
export async function openBrowser({ gpu = true, args = [] } = {}) {
  return chromium.launch({
    executablePath: need('CHROMIUM'),
    args: ['--no-sandbox', ...QUIET, ...(gpu ? SOFTWARE_GPU : ['--disable-gpu']), ...args],
  });
}

/**
 * A page, and a record of all that it does: requests (the worker's too), what it logs, and the
 * messages that the engine sends it.
 */
export async function openPage(browser, { viewport = { width: 1280, height: 900 }, ...options } = {}) {
  const context = await browser.newContext({ viewport, acceptDownloads: true, ...options });
  context.setDefaultTimeout(30_000);
  return recordPage(context);
}

/** Another page of a context, recorded as that of `openPage`. */
export async function recordPage(context) {
  const page = await context.newPage();
  const record = { requests: [], logged: [], events: [] };
  context.on('request', (request) => {
    if (/^(https?|wss?):/.test(request.url())) {
      record.requests.push({
        url: request.url(),
        method: request.method(),
        body: request.postDataBuffer()?.length ?? 0,
      });
    }
  });
  page.on('console', (message) => record.logged.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => record.logged.push(`uncaught: ${error.stack ?? error}`));
  await page.exposeFunction('recordEngineEvent', (text) => record.events.push(JSON.parse(text)));
  await page.addInitScript(() => {
    const RealWorker = window.Worker;
    window.Worker = class extends RealWorker {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', ({ data }) => {
          if (typeof data?.message !== 'string') return;
          window.recordEngineEvent(data.message);
          // For tests that ask the engine what the page does not.
          if (JSON.parse(data.message).type === 'ready') window.engine = this;
        });
      }
    };
  });
  return { page, context, record };
}

/** Opens the studio; the answer of the engine is not waited for. */
export const visit = (page, address = ADDRESS) => page.goto(address, { waitUntil: 'load' });
