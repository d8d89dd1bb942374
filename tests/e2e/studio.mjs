// The page as an artist uses it. Tests say what is done and seen; how to find it is here.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OUT, PATIENCE, openBrowser, openPage, recordPage, visit } from './browser.mjs';

const SAMPLES = fileURLToPath(new URL('../../www/samples/', import.meta.url));

/** The drawings of a sample set: paths of its pictures. */
export function drawings(author) {
  for (const set of readdirSync(SAMPLES, { withFileTypes: true })) {
    if (!set.isDirectory()) continue;
    const folder = join(SAMPLES, set.name);
    const pictures = readdirSync(folder).filter((name) => /\.(png|jpe?g|webp)$/.test(name)).sort();
    if (set.name.includes(author)) return pictures.map((name) => join(folder, name));
  }
  throw new Error(`www/samples has no set by ${author}`);
}

/** Tests of one page, each going on from where the one before ended: after one that failed the rest is skipped, for it would only wait in vain. */
export function steps() {
  let failed = false;
  return (name, go) =>
    test(name, async (t) => {
      if (failed) return t.skip('a step before it failed');
      failed = true;
      await go();
      failed = false;
    });
}

export class Studio {
  /** Opens a browser (unless one is given, or a context that has seen the page) and the page in it, and waits until the model is loaded. */
  static async open({ browser, context, ready = true, address, ...options } = {}) {
    const own = browser || context ? null : await openBrowser();
    const opened = context ? await recordPage(context) : await openPage(browser ?? own, options);
    const studio = new Studio(opened, own);
    await visit(studio.page, address);
    if (ready) await studio.event('model_loaded');
    return studio;
  }

  constructor({ page, context, record }, browser) {
    Object.assign(this, { page, context, record, browser });
  }

  async close() {
    await this.context.close();
    await this.browser?.close();
  }

  at(id) {
    return this.page.getByTestId(id);
  }

  async screenshot(name) {
    await this.page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true });
  }

  /** What the window shows, without the rest of the page, as JPEG. */
  async screenshotAt(path) {
    await this.page.screenshot({ path, quality: 80 });
  }

  // --- What the engine says ---

  /** Events of a kind, in their order. */
  events(type) {
    return this.record.events.filter((event) => event.type === type);
  }

  /** Waits for the `count`th event of a kind; fails at once when the engine is lost. */
  async event(type, count = 1) {
    const last = Date.now() + PATIENCE;
    for (;;) {
      const found = this.events(type);
      if (found.length >= count) return found[count - 1];
      await this.notDead(`waiting for ${type}`);
      if (Date.now() > last) {
        const tail = JSON.stringify(this.record.events.slice(-3));
        const asked = this.record.requests.map(({ url }) => url).slice(-5).join('\n');
        assert.fail(`no ${type} after ${PATIENCE / 1000} s; the last events were ${tail}, the last requests\n${asked}\n${this.record.logged.join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Fails when the engine has said that it cannot go on, or has said nothing and died. */
  async notDead(doing) {
    const fatal = this.record.events.find(({ type }) => ['unsupported', 'device_lost', 'failed'].includes(type));
    const lost = this.at('engine-lost');
    const said = fatal ? JSON.stringify(fatal) : (await lost.count()) > 0 && (await lost.innerText());
    if (said) assert.fail(`while ${doing}: ${said}\n${this.record.logged.join('\n')}`);
  }

  /** Takes the graphics card away, and waits until the page says so. */
  async loseGraphicsCard() {
    const devtools = await this.page.context().browser().newBrowserCDPSession();
    await devtools.send('Browser.crashGpuProcess');
    await this.at('engine-lost').waitFor({ timeout: 60_000 });
  }

  // --- Works ---

  async giveWorks(files) {
    await this.at('works-input').setInputFiles(files);
  }

  /** Drops files from the file manager onto a place: the browser's own drag and drop, not a made-up event. */
  async drop(paths, place = this.page.locator('.intro')) {
    await place.scrollIntoViewIfNeeded();
    const box = await place.boundingBox();
    const where = { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
    const devtools = await this.context.newCDPSession(this.page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await devtools.send('Input.dispatchDragEvent', { type, ...where, data });
    }
    await devtools.detach();
  }

  async expectWorks(count) {
    await this.until(async () => (await this.at('work-thumb').count()) === count, () => `${count} works on the page`);
  }

  // --- Notices ---

  /** Waits for a notice that says something like `pattern`; its text. */
  async notice(pattern) {
    const notice = this.at('notice').filter({ hasText: pattern }).first();
    try {
      await notice.waitFor({ timeout: 120_000 });
    } catch {
      const shown = await this.at('notice').allInnerTexts();
      assert.fail(`no notice like ${pattern}; the page shows ${JSON.stringify(shown)}`);
    }
    return (await notice.innerText()).replace(/\s+/g, ' ').trim();
  }

  // --- Training and pictures ---

  /** Trains with few previews and pictures of few steps, which is what a software adapter bears. */
  async train({ steps, trigger, rank, accumulate, textRate, priorPictures, sampleSteps = 2 }) {
    await this.at('trigger').fill(trigger);
    await this.at('preset-quick').check();
    await this.set('set-steps', steps);
    if (rank !== undefined) await this.set('set-rank', rank);
    if (accumulate !== undefined) await this.set('set-accumulate', accumulate);
    if (textRate !== undefined) await this.set('set-text-encoder-rate', textRate);
    if (priorPictures !== undefined) await this.set('set-prior-pictures', priorPictures);
    await this.set('set-preview-every', steps);
    await this.set('set-preview-prompts', 'a cup of tea');
    await this.set('sampler-steps', sampleSteps);
    await this.at('train-start').click();
  }

  /** Types into a field, opening the folded details around it. */
  async set(id, value) {
    const field = this.at(id);
    const folds = this.page.locator('details:not([open])', { has: field });
    for (let n = await folds.count(); n > 0; n = await folds.count()) {
      await folds.first().locator('summary').first().click();
    }
    await field.fill(String(value));
    await field.press('Tab');
  }

  /** Asks for a picture. */
  async make({ prompt, seed, steps }) {
    await this.at('prompt').fill(prompt);
    if (steps !== undefined) await this.set('sampler-steps', steps);
    if (seed !== undefined) await this.set('seed', seed);
    await this.at('make').click();
  }

  /** Waits until the page can be asked for a picture again. */
  async rest() {
    const free = this.page.locator('[data-testid=make]:not([aria-disabled=true])');
    await this.until(() => free.isVisible(), () => 'the engine to be free');
  }

  /** Pixels of a shown picture, as one string that can be compared. */
  async pixels(id) {
    return this.pixelsOf(this.at(id).first());
  }

  async pixelsOf(shown) {
    await shown.waitFor();
    return shown.evaluate((canvas) => {
      const { width, height } = canvas;
      // A copy, made for reading: Chromium warns when the shown canvas itself is read often.
      const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      let text = `${width}x${height}:`;
      for (let at = 0; at < data.length; at += 4096) {
        text += String.fromCharCode(...data.subarray(at, at + 4096));
      }
      return text;
    });
  }

  /** Presses what saves a file; the file. */
  async save(id) {
    const [download] = await Promise.all([
      this.page.waitForEvent('download', { timeout: PATIENCE }),
      this.at(id).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }

  async loadAdapter(name, bytes) {
    await this.at('load-adapter-input').setInputFiles({
      name, mimeType: 'application/octet-stream', buffer: bytes,
    });
  }

  // --- Waiting ---

  /** Waits until all that is on the page is written. */
  async kept() {
    const state = () => this.at('keeping').getAttribute('data-state');
    await this.until(async () => (await state()) === 'kept', () => 'the page to be kept');
  }

  async until(holds, what) {
    const last = Date.now() + PATIENCE;
    while (!(await holds())) {
      if (Date.now() > last) assert.fail(`waited in vain for ${what()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
