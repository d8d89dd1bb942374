// What holds however the page is looked at.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { Studio } from './studio.mjs';

let browser;
before(async () => {
  browser = await openBrowser({ gpu: true });
});
after(() => browser?.close());

test('a narrow window scrolls down, never sideways', async () => {
  const studio = await Studio.open({ browser, ready: false, viewport: { width: 340, height: 700 } });
  await studio.at('train-start').waitFor();
  const width = await studio.page.evaluate(() => document.documentElement.scrollWidth);
  await studio.screenshot('narrow');
  assert.ok(width <= 340, `the page is ${width} pixels wide`);
  await studio.close();
});

test('a dark page has light words', async () => {
  const lightness = async (colorScheme) => {
    const studio = await Studio.open({ browser, ready: false, colorScheme });
    await studio.at('train-start').waitFor();
    await studio.screenshot(colorScheme);
    const [ground, words] = await studio.page.evaluate(() => {
      const style = getComputedStyle(document.body);
      const draw = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
      return [style.backgroundColor, style.color].map((colour) => {
        draw.fillStyle = colour;
        draw.fillRect(0, 0, 1, 1);
        return draw.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((a, b) => a + b) / 3;
      });
    });
    await studio.close();
    return { ground, words };
  };
  const [light, dark] = [await lightness('light'), await lightness('dark')];
  assert.ok(light.ground > 200 && light.words < 80, JSON.stringify(light));
  assert.ok(dark.ground < 60 && dark.words > 180, JSON.stringify(dark));
});
