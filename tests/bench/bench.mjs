// Opens page.mjs in Chromium and prints what it measures. `cargo xtask bench --browser` calls this.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'boolean', default: false },
    operations: { type: 'boolean', default: false },
    only: { type: 'string' },
    side: { type: 'string' },
    rounds: { type: 'string', default: '9' },
  },
});
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PLACES = { 'model/': join(HERE, '../../www/models/sketch/'), 'engine/': process.env.ENGINE };
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json', '.wasm': 'application/wasm' };

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)).replace(/^[/.]+/, '') || 'index.html';
  const [prefix, folder] = Object.entries(PLACES).find(([prefix]) => path.startsWith(prefix)) ?? ['', HERE];
  try {
    const body = await readFile(join(folder, path.slice(prefix.length)));
    response.writeHead(200, {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      // Isolated from other origins, a page has finer clocks, and ONNX Runtime its threads.
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const adapter = options.gpu
  ? ['--ignore-gpu-blocklist', '--enable-features=Vulkan']
  : ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--enable-unsafe-webgpu', ...adapter],
});
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error.stack ?? error));
  await page.exposeFunction('say', (line) => console.error(`  ${line}`));
  await page.exposeFunction('tell', (found) => (options.json ? console.log(JSON.stringify(found)) : print(found)));
  const lock = JSON.parse(await readFile(join(HERE, 'package-lock.json'), 'utf8')).packages;
  const versions = ['onnxruntime-web', '@jax-js/jax', '@tensorflow/tfjs'].map((name) => `${name} ${lock[`node_modules/${name}`].version}`);
  const about = { browser: `Chromium ${browser.version()}`, machine: `${cpus().length} x ${cpus()[0]?.model}`, versions, rounds: Number(options.rounds) };
  if (options.json) console.log(JSON.stringify(about));
  else console.log(`${about.browser}, ${about.machine}; ${versions.join(', ')}; medians of ${about.rounds} warm runs`);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.ready');
  const given = {
    only: options.only?.split(','), operations: options.operations,
    side: options.side && Number(options.side), rounds: about.rounds,
  };
  await page.evaluate((given) => window.bench({ ...given, say: window.say, tell: window.tell }), given);
} finally {
  await browser.close();
  server.close();
}

function print({ adapter, task, measured, refused, operation }) {
  if (adapter) console.log(`adapter: ${adapter.name}${adapter.software ? ' (software)' : ''}`);
  if (operation) {
    const { fma_peak_gflops: peak, operation: name, shape, seconds, stock_seconds: stock, gflop } = operation;
    console.log(peak
      ? `\nmultiply-adds: ${peak.toFixed(1)} GFLOP/s; then ms, GFLOP/s and burn's own time to ours`
      : `  ${`${name}, ${shape}`.padEnd(60)} ${(seconds * 1e3).toFixed(3).padStart(10)} ${(gflop / seconds).toFixed(2).padStart(9)} ${(stock / seconds).toFixed(1).padStart(6)}`);
  }
  if (!task) return;
  console.log(`\n${task}\n${'ms'.padStart(49)} ${'least'.padStart(10)} ${'to ours'.padStart(8)}  off from PyTorch`);
  for (const { library, way, median_ms, least_ms, to_ours, parity } of measured) {
    const off = Object.entries(parity).map(([name, value]) => `${name} ${value.toExponential(1)}`).join(', ');
    const ratio = to_ours === null ? '-' : to_ours.toFixed(2);
    console.log(`  ${`${library}, ${way}`.padEnd(36)} ${median_ms.toFixed(1).padStart(10)} ${least_ms.toFixed(1).padStart(10)} ${ratio.padStart(8)}  ${off}`);
  }
  for (const { library, way, why } of refused) console.log(`  ${`${library}, ${way}`.padEnd(36)} not measured: ${why}`);
}
