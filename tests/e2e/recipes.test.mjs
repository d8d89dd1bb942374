// A picture's recipe travels by link and by file, and is shown before anything is done with it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
