// What is to be learned, and going back to an earlier hand.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Studio, drawings, steps } from './studio.mjs';

let studio;
before(async () => {
  studio = await Studio.open();
});
after(() => studio?.close());

const stepsOf = async (preset) => {
  const card = studio.page.locator('label', { has: studio.at(`preset-${preset}`) });
  return Number((await card.innerText()).match(/(\d+) steps/)[1]);
};

const step = steps();

step('the presets go by the number of works', async () => {
  const usual = await stepsOf('balanced');
  await studio.giveWorks(drawings('gerald').slice(0, 6));
  await studio.event('work_added', 6);
  const few = await stepsOf('balanced');
  assert.ok(few < usual, `${few} steps for six works, ${usual} for many`);
  await studio.at('train-details').locator('summary').click();
  assert.equal(await studio.at('set-steps').inputValue(), String(few));
});

step('a subject has a name of its own, unless the artist has given one', async () => {
  const trigger = () => studio.at('trigger').inputValue();
  const hand = await trigger();
  await studio.at('learns-subject').check();
  assert.notEqual(await trigger(), hand);
  await studio.screenshot('subject');
  await studio.at('trigger').fill('my teapot');
  await studio.at('learns-style').check();
  assert.equal(await trigger(), 'my teapot');
});

step('an earlier preview says what it was drawn with, and can be drawn with again', async () => {
  await studio.set('set-steps', 4);
  await studio.set('set-rank', 2);
  await studio.set('set-preview-every', 2);
  await studio.set('set-preview-prompts', 'a lighthouse');
  await studio.set('sampler-steps', 2);
  await studio.at('train-start').click();
  const ended = await studio.event('training_ended');
  assert.equal(ended.adapter.steps, 4);
  const [before, half, whole] = studio.events('previewed');
  assert.deepEqual([before, half, whole].map(({ step, adapter }) => [step, adapter !== null]), [[0, false], [2, true], [4, true]]);
  for (const { nearness } of [before, half, whole]) assert.ok(nearness > 0.5, `no lighthouse is a copy of food: ${nearness}`);
  assert.equal(await studio.at('copies').count(), 0);
  await studio.event('picture', 2);
  await studio.rest();

  assert.equal(await studio.at('preview-take').count(), 0, 'the last is in use already');
  await studio.at('preview-slider').press('ArrowLeft');
  assert.equal(await studio.at('preview-at').innerText(), 'step 2');
  await studio.screenshot('earlier');
  await studio.at('preview-take').click();
  const loaded = await studio.event('adapter_loaded');
  assert.deepEqual([loaded.steps, loaded.trigger], [2, 'my teapot']);
  assert.notEqual(loaded.hash, ended.adapter.hash);
  await studio.kept();
});

step('nothing is in the console', () => {
  assert.deepEqual(studio.record.logged, []);
});
