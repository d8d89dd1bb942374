// A browser that will not do gets a page that says why and what to do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectAccessibleInEveryLook } from './axe.mjs';
import { ADDRESS, PLAIN_ADDRESS, openBrowser } from './browser.mjs';
import { Studio } from './studio.mjs';

for (const [what, options, name] of [
  ['a browser that finds no graphics card', { gpu: false, address: ADDRESS }, 'no-card'],
  ['a browser without WebGPU', { gpu: true, address: PLAIN_ADDRESS }, 'no-webgpu'],
]) {
  test(`${what} is told so, and what to do`, async () => {
    const browser = await openBrowser(options);
    try {
      const studio = await Studio.open({ browser, ready: false, address: options.address });
      const explanation = studio.at('unsupported');
      await explanation.waitFor();
      await studio.screenshot(`unsupported-${name}`);
      const text = await explanation.innerText();
      assert.match(text, /WebGPU/);
      assert.match(text, /Chrome|Edge|Safari|Firefox|settings|driver/i, 'what to do');
      assert.ok(await studio.at('train-start').isHidden(), 'nothing is offered that cannot work');
      assert.ok(await studio.at('run-example').isHidden());
      await studio.kept();
      assert.deepEqual(studio.record.logged.filter((line) => /uncaught|panicked/.test(line)), []);
      await expectAccessibleInEveryLook(studio, what);
    } finally {
      await browser.close();
    }
  });
}
