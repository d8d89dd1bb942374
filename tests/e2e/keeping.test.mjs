// What is on the page stays: through a reload in the middle of training, into a file and back.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { openBrowser, visit } from './browser.mjs';
import { Studio, drawings, steps } from './studio.mjs';

let browser;
let studio;
before(async () => {
  browser = await openBrowser();
  studio = await Studio.open({ browser });
});
after(() => browser?.close());

// Enough that the run still goes on when its first checkpoint is kept.
const STEPS = 20;
const left = {};

const step = steps();

/** Loads the page again and waits for its engine. */
async function reload() {
  // Not before: the old page's engine goes on until the new page is there.
  studio.page.once('framenavigated', () => {
    studio.record.events.length = 0;
  });
  studio.page.once('dialog', (dialog) => dialog.accept());
  await visit(studio.page);
  await studio.event('model_loaded');
}

step('a reload in training loses at most ten steps', async () => {
  await studio.giveWorks(drawings('gerald').slice(0, 5));
  await studio.event('work_added', 5);
  await studio.at('work-caption').first().fill('a thing of my own');
  await studio.train({ steps: STEPS, trigger: 'in my hand' });
  const checkpoint = await studio.event('checkpoint');
  assert.equal(checkpoint.step, 10);
  // The page begins to write a moment after something has changed.
  await studio.page.waitForTimeout(1000);
  await studio.kept();
  await reload();
  await studio.expectWorks(5);
  assert.equal(await studio.at('work-caption').first().inputValue(), 'a thing of my own');
  const [, at] = (await studio.at('train-step').innerText()).match(/(\d+) of 20/);
  left.step = Number(at);
  assert.equal(left.step, 10);
});

step('training goes on from there and ends', async () => {
  await studio.event('work_added', 5);
  await studio.at('train-go-on').click();
  const first = await studio.event('trained');
  assert.equal(first.step, left.step + 1);
  const ended = await studio.event('training_ended');
  assert.deepEqual([ended.outcome, ended.steps_done], ['finished', STEPS]);
  await studio.rest();
  left.hash = ended.adapter.hash;
});

step('adapter and picture are there after another reload', async () => {
  await studio.kept();
  const before = await studio.pixels('picture-adapter');
  await reload();
  const loaded = await studio.event('adapter_loaded');
  assert.equal(loaded.hash, left.hash);
  assert.equal(await studio.pixels('picture-adapter'), before);
});

step('an unbroken run ends with the same adapter, and when it was said to', async () => {
  // So that the browser's compiler, which goes on for a while after a reload, slows no step.
  await studio.at('make').click();
  await studio.event('picture');
  await studio.rest();
  await studio.train({ steps: STEPS, trigger: 'in my hand' });
  await studio.event('trained');
  const start = Date.now();
  const foretold = studio.events('foretold').at(-1).seconds;
  await studio.event('trained', 10);
  const begun = Date.now();
  const said = await studio.page.locator('[data-testid=run] .left').evaluate((words) => Number(words.dataset.seconds));
  const ended = await studio.event('training_ended');
  const took = (Date.now() - begun) / 1000;
  console.log(`after ten steps the page said ${said} s, and it took ${took.toFixed(1)} s`);
  // To be right within 20 % is the goal; a machine that others share is given a little more.
  const near = (said, took) => assert.ok(
    said < 1.3 * took + 1 && took < 1.3 * said + 1, `${said} s were said, it took ${took} s`,
  );
  near(said, took);
  const whole = (Date.now() - start) / 1000 * STEPS / (STEPS - 1);
  console.log(`before it began ${foretold.toFixed(1)} s were foretold, and it took ${whole.toFixed(1)} s`);
  near(foretold, whole);
  assert.equal(ended.adapter.hash, left.hash, 'stopped and gone on, the run is the same to the bit');
  await studio.rest();
});

step('a project goes out as one file, and comes back', async () => {
  await studio.at('project-menu').locator('summary').click();
  left.zip = await studio.save('project-export');
  assert.match(left.zip.name, /\.zip$/);
  await studio.at('project-new').click();
  await studio.expectWorks(0);
  await studio.at('project-import').setInputFiles({
    name: left.zip.name, mimeType: 'application/zip', buffer: left.zip.bytes,
  });
  await studio.expectWorks(5);
});

step('what is no project is refused with a sentence', async () => {
  await studio.kept();
  await studio.at('project-import').setInputFiles({
    name: 'half.zip', mimeType: 'application/zip', buffer: left.zip.bytes.subarray(0, left.zip.bytes.length >> 1),
  });
  assert.match(await studio.notice(/zip/i), /cut short|damaged/);
  await studio.expectWorks(5);
});

step('a disk that runs full is said in time, and once it is full', async () => {
  const caption = studio.at('work-caption').first();
  // Chromium says the same room whatever there is, and lets a small window write beyond its quota: so
  // answers that browsers give stand in for its own.
  await studio.page.evaluate(() => {
    const { estimate } = StorageManager.prototype;
    StorageManager.prototype.estimate = async function () {
      const said = await estimate.call(this);
      return { ...said, quota: said.usage + 30e6 };
    };
  });
  await caption.fill('a thing');
  assert.match(await studio.notice(/room for only/), /\d+ MB/);
  await studio.page.evaluate(() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('There is no room.', 'QuotaExceededError');
    };
    window.makeRoom = () => {
      IDBObjectStore.prototype.put = put;
    };
  });
  await studio.giveWorks(drawings('gerald').slice(5, 6));
  await studio.notice(/disk is full/);
  await studio.page.evaluate(() => window.makeRoom());
  await caption.fill('a thing of my own');
  await studio.kept();
});

/** What is kept of works beside the projects. */
const encoded = () => studio.page.evaluate(async () => {
  const names = [];
  const root = await navigator.storage.getDirectory();
  for await (const [name, folder] of root.entries()) {
    if (name === 'kept') for await (const file of folder.keys()) names.push(file);
  }
  return names;
});

step('deleted means gone, and how much that freed is said', async () => {
  await studio.kept();
  assert.ok((await encoded()).length > 5, 'works are encoded once');
  await studio.at('project-delete').click();
  await studio.at('project-delete-yes').click();
  assert.match(await studio.notice(/freed/), /\d+(\.\d+)? (kB|MB)/);
  const names = await studio.page.evaluate(() => new Promise((resolve, reject) => {
    const open = indexedDB.open('atelier');
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const keys = open.result.transaction('files').objectStore('files').getAllKeys();
      keys.onsuccess = () => resolve(keys.result);
    };
  }));
  const projects = new Set(names.map((name) => name.split('/')[0]));
  assert.equal(projects.size, 1, `files of ${[...projects]}`);
  assert.deepEqual(await encoded(), []);
});
