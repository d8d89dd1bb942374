// A latent consistency model, small and random, from a server that stands in for the Hub: fetched, opened,
// trained, drawn with, kept for the next visit; and one from the artist's own file.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { openBrowser } from './browser.mjs';
import { HubFront, PIPELINES, saved } from './hub.mjs';
import { Studio, drawings, steps } from './studio.mjs';

const TRIGGER = 'in ink';

let front;
let browser;
let studio;
before(async () => {
  front = await HubFront.open();
  front.models.set('studio/small-lcm', saved('lcm'));
  browser = await openBrowser();
  studio = await Studio.open({ browser, address: front.address });
});
after(async () => {
  await browser?.close();
  await front?.close();
});

const at = (id) => studio.at(id);
const openMenu = () => at('models-menu').locator('summary').first().click();
const weights = () => front.asked.filter(({ path }) => /\/resolve\/.*\.safetensors$/.test(path));
/** Waits for the `count`th model; that an adapter is refused by it is no reason to give up. */
async function loaded(count) {
  await studio.until(() => studio.events('model_loaded').length >= count, () => `model ${count}`);
  return studio.events('model_loaded')[count - 1];
}
/** Has one picture made, with the present adapter and without where there is one. */
async function draw(pictures, count) {
  const before = studio.events('picture').length;
  await studio.make({ prompt: 'a red fox in the forest', seed: 3, steps: count });
  await studio.until(() => studio.events('picture').length >= before + pictures, () => `${pictures} pictures`);
  await studio.rest();
}
const step = steps();

step('it is looked up, fetched and opened', async () => {
  await openMenu();
  await at('model-name-input').fill(`${front.address}hub/studio/small-lcm`);
  await at('model-look-up').click();
  await at('model-offer').waitFor();
  assert.match(await at('model-offer').innerText(), /Stable Diffusion 1\.x/);
  await at('model-keep').click();
  await at('notice').filter({ hasText: 'is here, whole and checked' }).waitFor();
  await at('model').getByTestId('model-use').click();
  const model = await loaded(2);
  assert.equal(model.kind, 'lcm');
  assert.equal(model.resolution, 64);
  await at('model').getByTestId('model-in-use').waitFor();
  assert.match(await at('model-name').innerText(), /small-lcm/);
  assert.match(await at('model').innerText(), /Last used/);
});

step('what suits such models is set', async () => {
  await studio.rest();
  await at('train-details').locator('summary').click();
  await at('foretold').filter({ hasText: /about [\d.]+ [kM]B of graphics memory/ }).waitFor();
  assert.equal(await at('sampler-steps').inputValue(), '4');
  assert.match(await at('preset-quick').locator('..').innerText(), /300/);
});

let base;
step('it draws', async () => {
  await draw(1, 4);
  const [picture] = studio.events('picture');
  assert.equal(picture.with_adapter, false);
  assert.equal(picture.settings.guidance_scale, 8);
  assert.equal(picture.settings.sampler, 'lcm');
  base = await studio.pixels('picture-base');
  assert.equal(base.slice(0, 6), '64x64:');
});

let file;
step('it learns, and draws with what it has learned', async () => {
  await studio.giveWorks(drawings('gerald').slice(0, 3));
  await studio.expectWorks(3);
  await studio.train({
    steps: 4, trigger: TRIGGER, rank: 2, accumulate: 2, textRate: 0.0005, priorPictures: 1, sampleSteps: 2,
  });
  const ended = await studio.event('training_ended');
  assert.equal(ended.outcome, 'finished');
  assert.equal(ended.steps_done, 4);
  const prepared = studio.events('progress').filter(({ stage }) => stage === 'prepare').at(-1);
  assert.deepEqual([prepared.done, prepared.total], [4, 4], 'three works, and a picture of the model\'s own');
  const recorded = studio.events('recorded').find(({ what }) => what === 'training_step');
  assert.ok(recorded?.replay_seconds, 'its training step is replayed, and equals the eager run');
  await studio.rest();
  await draw(2, 4);
  assert.ok((await studio.pixels('picture-base')) === base, 'the base is as before');
  assert.ok((await studio.pixels('picture-adapter')) !== base, 'the adapter does something');
  await at('label').locator('summary').click();
  await at('label-author').fill('Gerald G.');
  await at('label-license').fill('CC0');
  file = await studio.save('save-adapter');
  // No other tool has a model that small.
  assert.match(await studio.notice(/Saved\./), /diffusers: It does not load: it was made for text embeddings of width 16/);
  for (const said of ['"modelspec.author":"Gerald G."', '"modelspec.license":"CC0"']) {
    assert.ok(file.bytes.includes(said), said);
  }
  for (const part of ['lora_unet_', 'lora_te_text_model_']) {
    assert.ok(file.bytes.includes(part), `${part}, as other tools name it`);
  }
});

step('two adapters are mixed into one', async () => {
  await studio.loadAdapter('other.safetensors', file.bytes);
  await studio.until(() => studio.events('adapter_loaded').length === 1, () => 'the adapter');
  await at('mix').locator('summary').click();
  const strengths = at('mix').getByTestId('mix-strength');
  await strengths.nth(0).fill('0.5');
  assert.ok(await at('mix-go').isDisabled(), 'one alone is no mixture');
  await strengths.nth(1).fill('1');
  await studio.screenshot('mix');
  await at('mix-go').click();
  await studio.until(() => studio.events('adapter_loaded').length === 2, () => 'the mixture');
  const [, mixture] = studio.events('adapter_loaded');
  assert.equal(mixture.rank, 4);
  assert.match(mixture.title, /0\.5 \+ .* 1$/);
  assert.equal(mixture.trigger, TRIGGER);
  await at('adapter').nth(2).filter({ hasText: mixture.title }).waitFor();
  await draw(2, 4);
  assert.ok((await studio.pixels('picture-adapter')) !== base, 'it does something');
});

step('on the next visit it opens by itself, with the adapter, and no weight is asked for', async () => {
  const asked = weights().length;
  assert.ok(asked >= 3, `${asked} files of weights were fetched`);
  const [models, adapters] = ['model_loaded', 'adapter_loaded'].map((type) => studio.events(type).length);
  const hand = await studio.pixels('picture-adapter');
  await at('keeping').and(studio.page.locator('[data-state=kept]')).waitFor();
  await studio.page.reload({ waitUntil: 'load' });
  assert.equal((await loaded(models + 1)).kind, 'lcm');
  await studio.event('adapter_loaded', adapters + 1);
  await studio.rest();
  await draw(2, 4);
  assert.ok((await studio.pixels('picture-base')) === base, 'the same recipe, the same picture');
  assert.ok((await studio.pixels('picture-adapter')) === hand, 'and in the same hand');
  assert.equal(weights().length, asked);
  assert.equal(studio.events('model_loaded').length, models + 1, 'no other model came first');
});

step('each project has its own model', async () => {
  const count = studio.events('model_loaded').length;
  await at('project-menu').locator('summary').first().click();
  await at('project-new').click();
  await studio.expectWorks(0);
  assert.equal(await at('sampler-steps').inputValue(), '4', 'a new project goes on with the model in use');
  await openMenu();
  await at('models').getByTestId('model-use').first().click();
  assert.equal((await loaded(count + 1)).kind, 'sketch');
  assert.equal(await at('sampler-steps').inputValue(), '20');
  assert.equal(await at('set-text-encoder-rate').count(), 0, 'what it has no use for is not offered');
  await at('keeping').and(studio.page.locator('[data-state=kept]')).waitFor();
  await at('project-switch').selectOption({ index: 0 });
  assert.equal((await loaded(count + 2)).kind, 'lcm');
  await studio.expectWorks(3);
  assert.equal(await at('sampler-steps').inputValue(), '4');
});

step('an adapter of it is refused by the model that comes with the page, and stays on the shelf', async () => {
  const count = studio.events('model_loaded').length;
  await at('models').getByTestId('model-use').first().click();
  assert.equal((await loaded(count + 1)).kind, 'sketch');
  assert.match(await studio.notice(/another model/), /Load the model that it was made for, or choose another adapter\./);
});

step('a model that was removed is missed by its project, which can go on with another', async () => {
  const count = studio.events('model_loaded').length;
  await at('model').getByTestId('model-use').click();
  assert.equal((await loaded(count + 1)).kind, 'lcm');
  await at('keeping').and(studio.page.locator('[data-state=kept]')).waitFor();
  await at('project-switch').selectOption({ index: 1 });
  assert.equal((await loaded(count + 2)).kind, 'sketch');
  await at('model-remove').click();
  await at('model-remove-yes').click();
  await at('notice').filter({ hasText: 'freed' }).waitFor();
  await at('project-switch').selectOption({ index: 0 });
  await at('model-failed').waitFor();
  assert.match(await at('model-failed').innerText(), /studio\/small-lcm: That model is no longer here\. Add it again\./);
  await studio.screenshot('model-gone');
  await at('model-use-own').click();
  assert.equal((await loaded(count + 3)).kind, 'sketch');
  assert.equal(await at('sampler-steps').inputValue(), '20');
});

step('a single file of the artist\'s own is copied in and opened', async () => {
  await at('model-file').setInputFiles(join(PIPELINES, 'single/model.safetensors'));
  await at('model-offer').waitFor();
  await at('model-keep').click();
  await at('notice').filter({ hasText: 'is here, whole and checked' }).waitFor();
  const count = studio.events('model_loaded').length;
  await at('model').getByTestId('model-use').click();
  assert.equal((await loaded(count + 1)).resolution, 128);
  // It does not say that it was made for smaller pictures than others of its kind, and draws in minutes here.
});

step('nothing was asked but of the page\'s own address, and the console is empty', () => {
  for (const { url } of studio.record.requests) assert.ok(url.startsWith(front.address), url);
  assert.deepEqual(studio.record.logged.filter((line) => !line.startsWith('info')), []);
});
