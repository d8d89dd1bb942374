// The page is for every visitor: by keyboard, by ear, in the dark, on a phone, in two languages, in
// scripts that run the other way; and it never stutters.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { ADDRESS, openBrowser } from './browser.mjs';
import { Studio, drawings } from './studio.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const works = drawings('gerald').slice(0, 5);

let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** Every rule of axe-core but those that are in trial; fails with what it found and where. */
async function expectAccessible(page, when) {
  // The test's own evaluation is let through where the page's policy would stop it.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  }));
  const said = violations.map(({ id, help, nodes }) =>
    `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`);
  assert.equal(said.length, 0, `${when}:\n${said.join('\n')}`);
}

const width = (page) => page.evaluate(() => document.documentElement.scrollWidth);
const openAll = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});

describe('axe-core finds nothing', () => {
  // One page in all its looks: a training for each would take minutes more.
  const looks = {
    light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
    dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
    'narrow and German': { colorScheme: 'light', viewport: { width: 360, height: 740 }, language: 'de' },
  };
  let studio;

  /** Looks at the page in every look. */
  async function everyLook(when, look = async () => {}) {
    for (const [name, { colorScheme, viewport, language = 'en' }] of Object.entries(looks)) {
      await studio.page.emulateMedia({ colorScheme });
      await studio.page.setViewportSize(viewport);
      await studio.at(`language-${language}`).click();
      await look(name);
      await expectAccessible(studio.page, `${when}, ${name}`);
    }
    await studio.at('language-en').click();
  }

  before(async () => {
    studio = await Studio.open({ browser });
  });
  after(() => studio?.close());

  test('on a first visit', async () => {
    await studio.at('run-example').waitFor();
    await everyLook('on a first visit');
  });

  test('with everything on the page', async () => {
    await studio.giveWorks(works);
    await studio.event('work_added', 5);
    await studio.giveWorks([{ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('Milk.') }]);
    await studio.at('notice').first().waitFor();
    await studio.train({ steps: 2, trigger: 'in my hand' });
    await studio.event('training_ended');
    await studio.event('picture', 2);
    await studio.rest();
    await everyLook('with everything on the page', async (name) => {
      await openAll(studio.page);
      await studio.screenshot(`everything-${name.replaceAll(' ', '-')}`);
    });
  });

  test('how it works, in both languages', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    for (const [file, language] of [['how.html', 'en'], ['how.de.html', 'de']]) {
      await page.goto(ADDRESS + file);
      assert.equal(await page.getAttribute('html', 'lang'), language);
      await expectAccessible(page, file);
      for (const link of await page.locator('a').evaluateAll((links) => links.map(({ href }) => href))) {
        assert.ok((await fetch(link)).ok, `${file} leads to ${link}`);
      }
    }
    await context.close();
  });
});

describe('by keyboard', () => {
  test('everything is reached in order, and one sees where one is', async () => {
    const studio = await Studio.open({ browser });
    const { page } = studio;
    await studio.at('run-example').waitFor();
    const met = [];
    for (let n = 0; n < 60; n++) {
      await page.keyboard.press('Tab');
      const here = await page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return null;
        // The file inputs are hidden; their labels show the focus.
        const shown = element.closest('label.button') ?? element.closest('label.preset') ?? element;
        const { outlineStyle, outlineWidth } = getComputedStyle(shown);
        return { id: element.dataset.testid ?? element.textContent.trim(), seen: outlineStyle !== 'none' && outlineWidth !== '0px' };
      });
      if (!here) break;
      met.push(here);
    }
    assert.deepEqual(met.filter(({ seen }) => !seen), [], 'focus that nobody sees');
    const order = met.map(({ id }) => id);
    const wanted = ['requests-link', 'run-example', 'works-input', 'train-start', 'load-adapter-input', 'prompt', 'make', 'how', 'language-en', 'language-de'];
    assert.deepEqual(order.filter((id) => wanted.includes(id)), wanted);
    await studio.close();
  });

  test('from the first key to a picture', async () => {
    const studio = await Studio.open({ browser });
    const { page } = studio;
    await studio.at('run-example').waitFor();
    await studio.at('prompt').focus();
    await page.keyboard.type('a red apple');
    await studio.at('make-details').locator('summary').focus();
    await page.keyboard.press('Enter');
    await studio.at('sampler-steps').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('2');
    await studio.at('prompt').focus();
    await page.keyboard.press('Enter');
    await studio.event('picture');
    const said = studio.at('announcement');
    await studio.until(async () => /ready/i.test(await said.innerText()), () => 'the picture to be announced');
    await studio.close();
  });
});

describe('in German', () => {
  test('the browser\'s language is taken, another can be chosen, and is remembered', async () => {
    const studio = await Studio.open({ browser, locale: 'de-AT', ready: false });
    const { page } = studio;
    await studio.at('train-start').waitFor();
    assert.equal(await page.getAttribute('html', 'lang'), 'de');
    assert.match(await page.title(), /Handschrift/);
    await studio.at('prompt').fill('a red apple');
    await studio.at('language-en').click();
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    assert.match(await page.locator('h1').innerText(), /your own hand/);
    assert.match(await page.title(), /your own hand/);
    assert.equal(await studio.at('prompt').inputValue(), 'a red apple', 'nothing that was typed is lost');
    await page.reload();
    await studio.at('train-start').waitFor();
    assert.match(await page.locator('h1').innerText(), /your own hand/);
    await studio.close();
  });
});

describe('however it is looked at', () => {
  const LONG = 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen'.repeat(4);

  test('long words and another direction do not break it', async () => {
    const studio = await Studio.open({ browser, viewport: { width: 360, height: 740 }, locale: 'de' });
    const { page } = studio;
    await studio.giveWorks([{ name: `${LONG}.png`, mimeType: 'image/png', buffer: readFileSync(works[0]) }]);
    await studio.event('work_added');
    await studio.giveWorks([{ name: `${LONG}.png`, mimeType: 'image/png', buffer: Buffer.from('Milk.') }]);
    await studio.at('notice').first().waitFor();
    await studio.at('prompt').fill(`${LONG} שלום עולם`);
    await openAll(page);
    assert.ok((await width(page)) <= 360, `left to right it is ${await width(page)} pixels wide`);
    await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
    assert.ok((await width(page)) <= 360, `right to left it is ${await width(page)} pixels wide`);
    await studio.screenshot('right-to-left');
    await studio.close();
  });

  test('who wants no motion gets none', async () => {
    const studio = await Studio.open({ browser, ready: false, reducedMotion: 'reduce' });
    await studio.at('train-start').waitFor();
    await studio.giveWorks(works);
    await studio.event('work_added', 5);
    await studio.train({ steps: 2, trigger: 'in my hand' });
    await studio.event('trained');
    const moving = () => studio.page.evaluate(() => document.getAnimations().length);
    for (let n = 0; n < 20; n++) {
      assert.equal(await moving(), 0);
      await studio.page.waitForTimeout(50);
    }
    await studio.close();
  });

  test('one press shows the whole of it', async () => {
    const studio = await Studio.open({ browser });
    await studio.set('sampler-steps', 2);
    await studio.at('run-example').click();
    await studio.event('trained', 1);
    assert.ok(await studio.at('sample-credit').isVisible(), 'whose the works are is said');
    await studio.event('training_ended');
    await studio.event('picture', 2);
    await studio.at('picture-adapter').waitFor();
    await studio.close();
  });
});

test('the page never stutters while it trains', async () => {
  const studio = await Studio.open({ browser });
  await studio.giveWorks(works);
  await studio.event('work_added', 5);
  await studio.page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' });
  });
  await browser.startTracing(studio.page, { categories: ['toplevel'] });
  await studio.train({ steps: 8, trigger: 'in my hand' });
  await studio.event('training_ended');
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  console.log('tasks over 50 ms by the clock, in ms:', await studio.page.evaluate(() => window.longTasks));
  // By the clock, a task is also as long as the software adapter keeps the cores busy meanwhile; what
  // the page itself takes is its processor time.
  const pages = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = traceEvents.filter(({ name, pid, tid, tdur }) => tdur !== undefined && /RunTask$/.test(name)
    && pages.some((page) => page.pid === pid && page.tid === tid));
  assert.ok(tasks.length > 100, `${tasks.length} tasks were traced`);
  const longest = Math.max(...tasks.map(({ tdur }) => tdur / 1e3));
  console.log(`the page's longest task took ${longest.toFixed(1)} ms of its processor`);
  assert.ok(longest <= 50);
  await studio.close();
});

test('the page can be installed, and shows its face', async () => {
  const studio = await Studio.open({ browser, ready: false });
  const { page } = studio;
  const devtools = await studio.context.newCDPSession(page);
  const { errors, data } = await devtools.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  const { icons, start_url } = JSON.parse(data);
  assert.equal(new URL(start_url, ADDRESS).href, ADDRESS);
  for (const { src, sizes } of icons.filter(({ type }) => type === 'image/png')) {
    const bytes = Buffer.from(await (await fetch(new URL(src, ADDRESS))).arrayBuffer());
    assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes, src);
  }
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  // A browser without a window of its own is no place to install to.
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), []);
  const face = await page.getAttribute('meta[property="og:image"]', 'content');
  const preview = await fetch(new URL(face, ADDRESS));
  assert.equal(preview.headers.get('content-type'), 'image/jpeg');
  assert.ok((await preview.arrayBuffer()).byteLength < 300_000);
  assert.ok(await page.getAttribute('meta[name=description]', 'content'));
  await studio.close();
});
