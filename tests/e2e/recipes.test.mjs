// A picture's recipe travels by link and by file, and is shown before anything is done with it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectAccessibleInEveryLook } from './axe.mjs';
import { ADDRESS, openBrowser, openPage } from './browser.mjs';
import * as files from './files.mjs';
import { Studio, drawings } from './studio.mjs';

let browser;
let studio;
const RECIPE = { prompt: '<b>a cup</b> of tea', seed: 7, steps: 3 };
const left = {};
before(async () => {
  browser = await openBrowser();
  studio = await Studio.open({ browser, permissions: ['clipboard-read', 'clipboard-write'] });
});
after(() => browser?.close());

const clipboard = () => studio.page.evaluate(() => navigator.clipboard.readText());

test('a link carries the recipe behind the #', async () => {
  await studio.make(RECIPE);
  await studio.rest();
  left.pixels = await studio.pixels('picture-base');
  left.file = await studio.save('save-picture-base');
  await studio.at('copy-link').click();
  await studio.notice(/copied/);
  left.link = await clipboard();
  const address = new URL(left.link);
  assert.ok(left.link.length <= 2000, `${left.link.length} characters`);
  assert.equal(address.origin + address.pathname, ADDRESS);
  assert.equal(address.search, '');
});

test('opening it shows the recipe first, as text, and makes nothing', async () => {
  const other = new Studio(await openPage(browser));
  try {
    await other.page.goto(left.link);
    await other.event('model_loaded');
    assert.equal(await other.at('recipe-prompt').innerText(), RECIPE.prompt);
    assert.equal(await other.at('recipe-offer').locator('b').count(), 0);
    assert.equal(other.events('sample_step').length, 0);
    await other.at('recipe-take').click();
    assert.equal(new URL(other.page.url()).hash, '');
    await other.at('make').click();
    await other.rest();
    assert.equal(await other.pixels('picture-base'), left.pixels, 'the same link, the same picture');
  } finally {
    await other.close();
  }
});

test('a damaged link gets a sentence', async () => {
  const other = new Studio(await openPage(browser));
  try {
    await other.page.goto(left.link.slice(0, -12));
    assert.match(await other.notice(/link/i), /damaged|cut short/);
    assert.equal(await other.at('recipe-offer').count(), 0);
  } finally {
    await other.close();
  }
});

test('a dropped picture gives its recipe back, ours and another tool\'s', async () => {
  await studio.giveWorks([{ name: left.file.name, mimeType: 'image/png', buffer: left.file.bytes }]);
  assert.equal(await studio.at('recipe-prompt').innerText(), RECIPE.prompt);
  await studio.at('recipe-dismiss').click();
  const words = 'a lighthouse\nNegative prompt: fog\nSteps: 12, Sampler: Euler a, CFG scale: 6.5, Seed: 42, Size: 512x512, Model: another';
  await studio.giveWorks([{ name: 'theirs.png', mimeType: 'image/png', buffer: files.png(64, 64, `parameters\0${words}`) }]);
  await studio.until(async () => (await studio.at('recipe-prompt').innerText()) === 'a lighthouse', () => 'the other recipe');
  const offer = await studio.at('recipe-offer').innerText();
  for (const fact of ['fog', 'seed 42', '12 steps', 'Euler a', 'guidance 6.5', 'another model']) {
    assert.ok(offer.includes(fact), `${fact} is in ${offer}`);
  }
  await studio.at('recipe-dismiss').click();
  await studio.expectWorks(0);
});

test('a picture dropped where pictures are made is one to start from', async () => {
  await studio.drop([drawings('gerald')[0]], studio.at('prompt'));
  await studio.at('started-from').waitFor();
  await studio.expectWorks(0);
  await studio.make(RECIPE);
  await studio.rest();
  const { settings } = studio.events('picture').at(-1);
  assert.ok(settings.image_strength > 0);
  assert.notEqual(await studio.pixels('picture-base'), left.pixels, 'it is another than from noise');
  await studio.at('started-from').getByRole('button').click();
  assert.equal(await studio.at('started-from').count(), 0);
});

/** What the page sends the engine from now on when a picture is asked for: the request, and its buffers as bytes. */
async function hearSamples() {
  await studio.page.evaluate(() => {
    window.samples = [];
    const { engine } = window;
    engine.postMessage = (data, ...rest) => {
      const message = JSON.parse(data.message);
      if (message.type === 'sample') {
        window.samples.push({ message, buffers: data.buffers.map((buffer) => [...new Uint8Array(buffer)]) });
      }
      return Worker.prototype.postMessage.call(engine, data, ...rest);
    };
  });
  return () => studio.page.evaluate(() => window.samples.at(-1));
}

/** Red of a PNG's pixels at places between 0 and 1, and its size. */
const look = (png, places) => studio.page.evaluate(async ([png, places]) => {
  const picture = await createImageBitmap(new Blob([new Uint8Array(png)], { type: 'image/png' }));
  const { width, height } = picture;
  const draw = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  draw.drawImage(picture, 0, 0);
  const red = ([x, y]) => draw.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data[0];
  return { size: [width, height], red: places.map(red) };
}, [png, places]);

test('a part of it is painted over, and goes along white on black', async () => {
  const { page } = studio;
  await studio.drop([drawings('gerald')[0]], studio.at('prompt'));
  await studio.at('mask-wanted').check();
  const surface = studio.at('mask');
  await surface.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await surface.boundingBox();
  assert.ok(Math.abs(width - height) < 1 && width > 300, `a square to paint on, ${width} by ${height}`);
  await page.mouse.move(x + 0.25 * width, y + 0.5 * width);
  await page.mouse.down();
  await page.mouse.move(x + 0.5 * width, y + 0.5 * width, { steps: 5 });
  await page.mouse.up();
  // By keyboard on from there: down by half a brush at a time, a dab, and one that is taken back.
  await surface.focus();
  for (let n = 0; n < 4; n++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  assert.match(await studio.at('announcement').innerText(), /Brush at 50 % from the left, 74 % from the top.*% of it/);
  const painted = await studio.at('mask-share').innerText();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  assert.notEqual(await studio.at('mask-share').innerText(), painted);
  await studio.at('mask-undo').click();
  assert.equal(await studio.at('mask-share').innerText(), painted);
  await expectAccessibleInEveryLook(studio, 'painting', (name) => studio.screenshot(`mask-${name}`));

  const last = await hearSamples();
  await studio.make(RECIPE);
  await studio.rest();
  const { message, buffers } = await last();
  assert.deepEqual([message.image, message.mask, buffers.length], [0, 1, 2]);
  const inside = [[0.22, 0.5], [0.25, 0.5], [0.4, 0.54], [0.5, 0.5], [0.5, 0.74]];
  const outside = [[0.15, 0.5], [0.4, 0.6], [0.6, 0.5], [0.5, 0.62], [0.62, 0.74], [0.9, 0.9]];
  const mask = await look(buffers[1], [...inside, ...outside]);
  assert.deepEqual(mask, { size: [512, 512], red: [...inside.map(() => 255), ...outside.map(() => 0)] });

  await studio.at('mask-clear').click();
  assert.match(await studio.at('mask-share').innerText(), /Nothing is painted/);
  await studio.make(RECIPE);
  await studio.rest();
  const without = await last();
  assert.deepEqual([without.message.image, without.message.mask, without.buffers.length], [0, null, 1]);
  await studio.at('started-from').getByRole('button').click();
  assert.equal(await surface.count(), 0);
});

test('many at once: batches, variations, favourites, a zip', async () => {
  const before = studio.events('picture').length;
  await studio.set('sampler-steps', 2);
  await studio.at('many-count').fill('3');
  await studio.at('many-count').press('Tab');
  await studio.make({ prompt: 'a fox', seed: 5 });
  await studio.until(async () => (await studio.at('batch').locator('li').count()) === 3, () => 'three pictures');
  await studio.rest();
  const seeds = studio.events('picture').slice(-3).map((picture) => picture.settings.seed);
  assert.deepEqual(seeds, [5, 6, 7]);
  await studio.at('many-kind').selectOption('variations');
  await studio.at('make').click();
  await studio.until(() => studio.events('picture').length >= before + 6, () => 'three variations');
  await studio.rest();
  const variations = studio.events('picture').slice(-3).map((picture) => picture.settings);
  assert.ok(variations.every(({ seed, variation_strength: v }) => seed === 5 && v > 0));
  await studio.at('favourite').click();
  await studio.at('only-favourites').check();
  assert.equal(await studio.at('history-picture').count(), 1);
  const zip = await studio.save('save-all');
  assert.equal(zip.bytes.subarray(0, 2).toString(), 'PK');
});
