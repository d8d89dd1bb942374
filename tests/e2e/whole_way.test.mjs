// The main job, once: an artist's drawings in, an adapter trained on them, new pictures made with
// it, the file saved, and used again on another day.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { ADDRESS, openBrowser } from './browser.mjs';
import { Studio, drawings, steps } from './studio.mjs';

const STEPS = 12;
const SAMPLE_STEPS = 8;
const RECIPE = { prompt: 'a cup of tea', seed: 7, steps: SAMPLE_STEPS };
const TRIGGER = 'in gerald style';

let browser;
let studio;
let loaded;
before(async () => {
  browser = await openBrowser();
  studio = await Studio.open({ browser });
  loaded = studio.record.requests.length;
});
after(() => browser?.close());

/** What the first visit leaves to the second. */
const left = {};

const step = steps();

step('drawings come in by the file dialogue and by drag and drop', async () => {
  const works = drawings('gerald').slice(0, 20);
  assert.equal(works.length, 20, 'the page ships 20 drawings by Gerald G.');
  await studio.giveWorks(works.slice(0, 19));
  await studio.drop(works.slice(19));
  await studio.event('work_added', 20);
  await studio.expectWorks(20);
  await studio.screenshot('1-works');
});

step('training runs, and the loss at fixed noise falls', async () => {
  await studio.train({ steps: STEPS, trigger: TRIGGER, sampleSteps: SAMPLE_STEPS });
  await studio.event('trained', 3);
  await studio.screenshot('2-training');
  const ended = await studio.event('training_ended');
  assert.equal(ended.outcome, 'finished');
  assert.equal(ended.steps_done, STEPS);
  assert.equal(studio.events('trained').length, STEPS);

  const validated = studio.events('validated');
  const [first, last] = [validated[0], validated.at(-1)];
  assert.equal(first.step, 0);
  assert.equal(last.step, STEPS);
  assert.ok(first.held_back, 'of 20 works some are held back');
  assert.ok(last.loss < first.loss, `validation loss went from ${first.loss} to ${last.loss}`);
  assert.ok(await studio.at('loss-plot').isVisible());
  assert.ok(studio.events('previewed').length >= 2, 'previews before and after');
  const now = await studio.pixels('preview-large');
  await studio.at('preview-slider').press('Home');
  assert.equal(await studio.at('preview-at').innerText(), 'before');
  assert.notEqual(await studio.pixels('preview-large'), now, 'the slider goes back to before');
  const seconds = studio.events('trained').at(-1).seconds_per_step;
  console.log(`training: ${seconds.toFixed(2)} s a step; validation ${first.loss} -> ${last.loss}`);
});

step('the training step is replayed, with equal results, and faster', () => {
  const recorded = studio.events('recorded').find(({ what }) => what === 'training_step');
  // The engine compares the first replay with the eager run bit for bit, and gives no time where they
  // differ or the capture was refused.
  assert.ok(recorded?.replay_seconds, 'the training step was captured and its replay equals the eager run');
  const { eager_seconds: eager, replay_seconds: replay, eager_launch_seconds: byKernel, replay_launch_seconds: atOnce } = recorded;
  console.log(`a training step: ${eager.toFixed(2)} s eager, ${replay.toFixed(2)} s replayed; handed over in ${(1000 * byKernel).toFixed(0)} and ${(1000 * atOnce).toFixed(0)} ms`);
  // On a software adapter the arithmetic is nearly all of a step either way. What a replay saves is the processor's
  // part, which a good graphics card waits for: some fifty times were measured (docs/DESIGN.md).
  assert.ok(byKernel >= 5 * atOnce, `replayed steps are handed over ${(byKernel / atOnce).toFixed(1)} times faster`);
  // It was six times as long when the module's constructors ran on every entry from JavaScript.
  assert.ok(replay < 1.5 * eager && eager < 2.5 * replay, `a replayed step takes ${replay} s, an eager one ${eager} s`);
});

step('the picture with the adapter is another than the base makes', async () => {
  // The page makes a first pair by itself.
  await studio.event('picture', 2);
  await studio.rest();
  const before = Date.now();
  await studio.make(RECIPE);
  await studio.rest();
  console.log(`two pictures of ${SAMPLE_STEPS} steps: ${((Date.now() - before) / 1000).toFixed(1)} s`);
  left.base = await studio.pixels('picture-base');
  left.adapter = await studio.pixels('picture-adapter');
  assert.notEqual(left.adapter, left.base);
  await studio.screenshot('3-pictures');
});

step('the same recipe makes the same picture again', async () => {
  await studio.make(RECIPE);
  await studio.rest();
  assert.equal(await studio.pixels('picture-base'), left.base);
  assert.equal(await studio.pixels('picture-adapter'), left.adapter);
});

step('picture and adapter are saved as files', async () => {
  const picture = await studio.save('save-picture');
  assert.match(picture.name, /\.png$/);
  assert.equal(picture.bytes.subarray(1, 4).toString(), 'PNG');
  left.file = await studio.save('save-adapter');
  assert.match(left.file.name, /\.safetensors$/);
  assert.ok(left.file.bytes.length > 1000);
});

step('a picture is saved larger, with its recipe', async () => {
  await studio.at('saved-side').selectOption('256');
  const larger = await studio.save('save-picture');
  assert.match(larger.name, /\.png$/);
  // Width and height are the first numbers of a PNG's first chunk.
  assert.deepEqual([16, 20].map((at) => larger.bytes.readUInt32BE(at)), [256, 256]);
  assert.ok(larger.bytes.includes('atelier'), 'the recipe came along');
  await studio.at('saved-side').selectOption('0');
});

step('nothing left the machine, and the console is empty', () => {
  const { requests, logged } = studio.record;
  assert.ok(loaded > 0 && requests.length >= loaded);
  for (const { url, method, body } of requests) {
    assert.ok(url.startsWith(ADDRESS), `asked ${url}`);
    assert.deepEqual([method, body], ['GET', 0], `sent something to ${url}`);
  }
  assert.deepEqual(logged, []);
});

step('on another day the saved adapter makes the same picture', async () => {
  const later = await Studio.open({ browser });
  try {
    await later.loadAdapter(left.file.name, left.file.bytes);
    const loaded = await later.event('adapter_loaded');
    assert.equal(loaded.trigger, TRIGGER);
    await later.make(RECIPE);
    await later.rest();
    assert.equal(await later.pixels('picture-base'), left.base);
    assert.equal(await later.pixels('picture-adapter'), left.adapter);
    await later.screenshot('4-another-day');
    assert.deepEqual(later.record.logged, []);
  } finally {
    await later.close();
  }
});
