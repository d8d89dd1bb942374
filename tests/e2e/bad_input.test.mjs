// Bad input gets a sentence that says what to do, and nothing is lost.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openBrowser, openPage, visit } from './browser.mjs';
import * as files from './files.mjs';
import { Studio, drawings } from './studio.mjs';

let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());
const good = drawings('gerald').slice(0, 5);

/** A sentence an artist can use: it ends as one, and no program's innards show. */
function isSentence(text) {
  assert.match(text, /[.!?]/, text);
  assert.doesNotMatch(text, /panicked|unwrap|Err\(|\bu32\b|src\//, text);
}

describe('works, training, adapters and prompts', () => {
  let studio;
  let adapter;
  before(async () => {
    studio = await Studio.open({ browser });
    await studio.giveWorks(good);
    await studio.expectWorks(good.length);
  });
  after(() => studio?.close());

  test('training without works says what is missing', async () => {
    const empty = await Studio.open({ browser, ready: false });
    const start = empty.at('train-start');
    assert.match(await start.innerText(), /works/i);
    await start.click();
    assert.equal(empty.events('failed').length, 0);
    assert.ok(await start.isVisible(), 'nothing has started');
    await empty.close();
  });

  const drawing = readFileSync(good[0]);
  const pictures = [
    ['a file that is no picture', 'notes.png', Buffer.from('Buy milk.\n'), /picture|PNG/i],
    ['a zip archive by a picture\'s name', 'archive.png', files.zip('a.txt', 'hello'), /zip|picture/i],
    ['a picture of one pixel', 'dot.png', files.png(1, 1), /small|pixel/i],
    ['a picture of 100 megapixels', 'wall.png', files.png(10_000, 10_000), /large|big|megapixel/i],
    ['a picture cut short', 'half.png', drawing.subarray(0, drawing.length >> 1), /cut short|incomplete|damaged|ends|truncated|broken|whole/i],
    ['an empty file', 'empty.png', Buffer.alloc(0), /empty|picture/i],
  ];
  for (const [what, name, buffer, pattern] of pictures) {
    test(`${what} is refused with a sentence`, async () => {
      await studio.giveWorks([{ name, mimeType: 'image/png', buffer }]);
      isSentence(await studio.notice(pattern));
      await studio.expectWorks(good.length);
    });
  }

  test('training stops within a step, and what was learned is kept', async () => {
    await studio.event('work_added', good.length);
    await studio.train({ steps: 1000, trigger: 'in my hand' });
    await studio.event('trained', 2);
    const steps = studio.events('trained').length;
    await studio.at('train-stop').click();
    const ended = await studio.event('training_ended');
    assert.equal(ended.outcome, 'stopped');
    assert.ok(ended.steps_done <= steps + 2, `${ended.steps_done} steps, stopped at ${steps}`);
    assert.ok(ended.adapter, 'there is an adapter');
    adapter = await studio.save('save-adapter');
  });

  const adapters = [
    ['of another family', 'sd15.safetensors', () => files.adapterOfAnotherFamily(), /another|other|family|fit|made for|different/i],
    ['cut short', 'short.safetensors', () => adapter.bytes.subarray(0, adapter.bytes.length >> 1), /cut short|incomplete|damaged|ends|broken|whole/i],
    ['with a value that is no number', 'nan.safetensors', () => files.withNaN(adapter.bytes), /number|finite|damaged|broken/i],
    ['whose header lies', 'lies.safetensors', () => files.withLyingHeader(adapter.bytes), /damaged|broken|header|match|fit/i],
    ['that is no adapter', 'words.safetensors', () => Buffer.from('Buy milk, twice, and bread.'), /safetensors|damaged|broken|adapter/i],
  ];
  for (const [what, name, make, pattern] of adapters) {
    test(`an adapter ${what} is refused and the present one stays`, async () => {
      await studio.loadAdapter(name, make());
      isSentence(await studio.notice(pattern));
      const again = await studio.save('save-adapter');
      assert.ok(again.bytes.equals(adapter.bytes), 'the present adapter is the same as before');
    });
  }

  test('a prompt of 10,000 characters is cut, and the page says so', async () => {
    await studio.make({ prompt: 'teapot '.repeat(1429).slice(0, 10_000), seed: 1, steps: 2 });
    await studio.rest();
    const picture = studio.events('picture').at(-1);
    assert.ok(picture.note, 'the engine notes the cut');
    isSentence(picture.note);
    assert.equal(await studio.at('picture-note').innerText(), picture.note);
  });
});

describe('the model', () => {
  test('a file of it that is missing is named, and trying again works', async () => {
    const studio = new Studio(await openPage(browser));
    try {
      let missing = true;
      await studio.context.route(/\/unet\/.*\.safetensors$/, (route) =>
        missing ? route.fulfill({ status: 404, body: 'Not here.' }) : route.continue());
      await visit(studio.page);
      const trouble = studio.at('model-failed');
      await trouble.waitFor();
      assert.match(await trouble.innerText(), /unet/, 'the file is named');
      isSentence(await trouble.innerText());
      missing = false;
      await trouble.getByRole('button').click();
      await studio.until(() => studio.events('model_loaded').length > 0, () => 'the model');
    } finally {
      await studio.close();
    }
  });
});
