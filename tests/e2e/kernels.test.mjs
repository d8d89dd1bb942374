// The kernels give the known answers in the browser too: the same cases as natively, compiled by the
// browser's own compiler of shaders and run through its WebGPU.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { Studio } from './studio.mjs';

let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

test('every known answer is right', async () => {
  const studio = await Studio.open({ browser });
  await studio.page.evaluate(() =>
    window.engine.postMessage({ message: JSON.stringify({ type: 'check' }), buffers: [] }),
  );
  const { answers } = await studio.event('checked');
  console.log(`${answers} known answers`);
  assert.ok(answers > 100, `${answers} answers`);
  assert.deepEqual(studio.record.logged, []);
});
