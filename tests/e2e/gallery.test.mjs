// A gallery: made of an artist's pictures and adapter, unzipped on a plain host, visited, drawn in, and
// published again by a visitor.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { expectAccessibleInEveryLook } from './axe.mjs';
import { ADDRESS, OUT, openBrowser, openPage, visit } from './browser.mjs';
import { unzip } from './files.mjs';
import { Studio } from './studio.mjs';

const TITLE = 'Cups & <b>"canary"</b>';
const ARTIST = "Änne O'Hara";
const RECIPE = { prompt: 'a cup of tea', seed: 11, steps: 2 };
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A folder on a plain static host, below a path; it writes down what was asked for. */
class Host {
  arrived = [];
  missing = [];

  static async open(files, path) {
    const host = new Host();
    host.folder = mkdtempSync(join(tmpdir(), 'gallery-'));
    for (const [name, bytes] of files) {
      const file = join(host.folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
    host.server = createServer(({ method, url }, response) => {
      host.arrived.push({ method, url });
      const asked = decodeURIComponent(url.split('?')[0]);
      const inside = asked.startsWith(path) ? asked.slice(path.length) || 'index.html' : null;
      try {
        const bytes = readFileSync(join(host.folder, inside));
        response.writeHead(200, { 'content-type': TYPES[extname(inside)] ?? 'application/octet-stream' });
        response.end(bytes);
      } catch {
        host.missing.push(url);
        response.writeHead(404);
        response.end();
      }
    });
    await new Promise((resolve) => host.server.listen(0, '127.0.0.1', resolve));
    host.address = `http://127.0.0.1:${host.server.address().port}${path}`;
    return host;
  }

  /** From now on nobody answers. */
  goAway() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async close() {
    if (this.server.listening) await this.goAway();
    rmSync(this.folder, { recursive: true });
  }
}

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm',
  '.json': 'application/json', '.webmanifest': 'application/manifest+json', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.svg': 'image/svg+xml', '.md': 'text/markdown',
};

/** Drawings that are in no other file, each named and captioned as a canary. */
async function canaries(page) {
  const drawn = await page.evaluate(() => Promise.all([0, 1, 2, 3, 4].map(async (n) => {
    const canvas = new OffscreenCanvas(96, 96);
    const draw = canvas.getContext('2d');
    draw.fillStyle = '#fff';
    draw.fillRect(0, 0, 96, 96);
    for (let k = 0; k < 40; k++) {
      draw.fillStyle = `hsl(${Math.random() * 360} 70% 50%)`;
      draw.beginPath();
      draw.arc(48 + 40 * Math.random() - 20, 48 + 40 * Math.random() - 20, 3 + 9 * Math.random(), 0, 7);
      draw.fill();
    }
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  })));
  return drawn.flatMap((bytes, n) => [
    { name: `canary-file-${n}.png`, mimeType: 'image/png', buffer: Buffer.from(bytes) },
    { name: `canary-file-${n}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`canary caption ${n}`) },
  ]);
}

/** The longest task of the page's own thread in processor time while `work` is done, in ms. */
async function longestTask(browser, page, work) {
  await browser.startTracing(page, { categories: ['toplevel'] });
  const result = await work();
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  const threads = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = traceEvents.filter(({ name, pid, tid, tdur }) => tdur !== undefined && /RunTask$/.test(name)
    && threads.some((thread) => thread.pid === pid && thread.tid === tid));
  assert.ok(tasks.length > 50, `${tasks.length} tasks were traced`);
  return { result, longest: Math.max(...tasks.map(({ tdur }) => tdur / 1e3)) };
}

let browser;
let studio;
let host;
const left = {};
before(async () => {
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await host?.close();
});

test('a page that is no gallery asks for none', async () => {
  studio = await Studio.open({ browser });
  assert.ok(studio.record.requests.length > 5);
  assert.deepEqual(studio.record.requests.filter(({ url }) => url.includes('gallery')), []);
  assert.equal(await studio.at('publish').count(), 0, 'nothing to publish yet');
});

test('an artist makes a website of an adapter and two pictures', async () => {
  left.works = await canaries(studio.page);
  await studio.giveWorks(left.works);
  await studio.event('work_added', 5);
  assert.equal(await studio.at('work-caption').first().inputValue(), 'canary caption 0');
  await studio.train({ steps: 4, trigger: 'in my hand' });
  await studio.event('training_ended');
  await studio.rest();
  await studio.at('picture-adapter').waitFor();
  await studio.make(RECIPE);
  await studio.event('picture', 4);
  await studio.rest();
  left.pixels = await studio.pixels('picture-adapter');
  assert.notEqual(left.pixels, await studio.pixels('picture-base'), 'the adapter does something');

  assert.match(await studio.at('publish').innerText(), /title/, 'what is missing is said');
  await studio.at('publish-title').fill(TITLE);
  assert.match(await studio.at('publish').innerText(), /whose/);
  await studio.at('publish-artist').fill(ARTIST);
  await studio.at('publish-licence').nth(2).check();
  assert.equal(await studio.at('publish-picture').count(), 2);
  assert.match(await studio.at('publish-chosen').innerText(), /2 of 2/);
  const said = await studio.at('publish-size').innerText();
  const megabytes = Number(said.match(/(\d+) MB/)[1]);
  await expectAccessibleInEveryLook(studio, 'to publish', (name) => studio.screenshot(`publish-${name}`));
  const { result: zip, longest } = await longestTask(browser, studio.page, () => studio.save('publish'));
  console.log(`${(zip.bytes.length / 1e6).toFixed(1)} MB; the page's longest task took ${longest.toFixed(1)} ms of its processor`);
  assert.ok(longest <= 50, `a task of ${longest} ms`);
  assert.ok(Math.abs(zip.bytes.length / 1e6 - megabytes) < 1.5, `${said}; it has ${zip.bytes.length}`);
  assert.equal(zip.name, 'cups-b-canary-b.zip');
  await studio.notice(/is saved/);
  left.zip = zip.bytes;
  left.files = unzip(zip.bytes);
});

test('what was drafted is there on another day', async () => {
  await studio.at('publish-picture').first().uncheck();
  await studio.kept();
  await visit(studio.page);
  await studio.until(async () => (await studio.at('publish-picture').count()) === 2, () => 'the pictures to choose from');
  assert.match(await studio.at('publish-chosen').innerText(), /1 of 2/);
  assert.ok(!(await studio.at('publish-picture').first().isChecked()));
  assert.equal(await studio.at('publish-title').inputValue(), TITLE);
  assert.equal(await studio.at('publish-artist').inputValue(), ARTIST);
  assert.ok(await studio.at('publish-licence').nth(2).isChecked());
});

test('it holds what it lists and no more, and nothing of the works', async () => {
  const { files } = left;
  const text = (name) => files.get(name).toString();
  const list = JSON.parse(text('files.json'));
  // JavaScript of JSON's kind.
  const known = JSON.parse(text('sw.js').match(/const FILES = (\{[^]*?\});/)[1]);
  const unlisted = [...files.keys()].filter((path) => !(path in list));
  assert.deepEqual(unlisted.sort(), ['.nojekyll', 'files.json', 'sw.js']);
  for (const [path, { sha256: hash, bytes }] of Object.entries(list)) {
    assert.deepEqual([sha256(files.get(path)), files.get(path).length], [hash, bytes], path);
    assert.equal(known[path], hash, `${path} as the gatekeeper knows it`);
  }
  assert.equal(known['files.json'], sha256(files.get('files.json')));
  assert.equal(Object.keys(known).length, Object.keys(list).length + 1);

  // All of the page is in it, as it is here but for its name.
  const here = await (await fetch(new URL('files.json', ADDRESS))).json();
  for (const [path, { sha256: hash }] of Object.entries(here)) {
    if (['index.html', 'manifest.webmanifest'].includes(path)) continue;
    assert.equal(list[path]?.sha256, hash, path);
  }
  const own = Object.keys(list).filter((path) => !(path in here)).sort();
  assert.deepEqual(own, ['adapter.safetensors', 'gallery.json', 'pictures/1.png', 'pictures/2.png', 'preview.jpg'].map((name) => `gallery/${name}`));

  const policy = (html) => html.match(/<meta http-equiv="Content-Security-Policy"[^>]*>/)[0];
  assert.equal(policy(text('index.html')), policy(await (await fetch(ADDRESS)).text()));
  assert.ok(text('index.html').includes('<title>Cups &amp; &lt;b&gt;&quot;canary&quot;&lt;/b&gt; · Änne O&#39;Hara</title>'));

  for (const { name, buffer } of left.works) {
    const pieces = name.endsWith('.png') ? [buffer.subarray(60, 90), buffer.subarray(-60, -30)] : [buffer];
    for (const piece of [Buffer.from(name), ...pieces]) {
      assert.equal(left.zip.indexOf(piece), -1, `the website carries ${name}`);
    }
  }
  assert.equal(left.zip.indexOf('canary caption'), -1);
  assert.equal(left.zip.indexOf('canary-file'), -1);
  assert.equal(files.get('gallery/preview.jpg').subarray(0, 3).toString('hex'), 'ffd8ff');
  await studio.close();
});

test('a visitor sees title, artist, licence and pictures', async () => {
  host = await Host.open(left.files, '/some/body/gallery/');
  studio = await Studio.open({ browser, address: host.address });
  const { page } = studio;
  assert.equal(await studio.at('gallery-title').innerText(), TITLE);
  assert.match(await studio.at('gallery-artist').innerText(), /Änne O'Hara/);
  assert.equal(await studio.at('gallery').locator('b').count(), 0, 'names are text');
  assert.match(await studio.at('gallery-licence').innerText(), /name Änne O'Hara.*CC BY 4\.0/s);
  assert.equal(await page.title(), `${TITLE} · ${ARTIST}`);
  assert.equal(await page.getAttribute('meta[property="og:title"]', 'content'), `${TITLE} · ${ARTIST}`);
  assert.equal(await studio.at('gallery-picture').count(), 2);
  const loaded = () => studio.at('gallery-picture').locator('img').evaluateAll((all) => all.every((i) => i.complete && i.naturalWidth > 0));
  await studio.until(loaded, () => 'the pictures');
  await studio.until(async () => (await studio.at('adapter').count()) === 1, () => 'the adapter');
  await expectAccessibleInEveryLook(studio, 'a gallery', (name) => studio.screenshot(`gallery-${name}`));
});

test('and how each was made, when they ask', async () => {
  await studio.at('gallery-picture').nth(1).click();
  assert.equal(await studio.at('gallery-prompt').innerText(), RECIPE.prompt);
  assert.match(await studio.at('gallery-recipe').innerText(), /seed 11 · 2 steps/);
  await expectAccessibleInEveryLook(studio, 'a picture of a gallery', async (name) => {
    await studio.page.screenshot({ path: join(OUT, `gallery-picture-${name}.png`) });
  }, 'en');
  await studio.page.keyboard.press('Escape');
  assert.ok(!(await studio.at('gallery-prompt').isVisible()));
});

test('they draw in the hand at once, and the same recipe gives the artist\'s picture', async () => {
  await studio.at('gallery-picture').nth(1).click();
  await studio.at('gallery-take').click();
  assert.equal(await studio.at('prompt').inputValue(), RECIPE.prompt);
  assert.equal(await studio.at('works-input').count(), 1, 'training is further down');
  await studio.rest();
  await studio.at('make').click();
  await studio.event('picture');
  await studio.rest();
  assert.equal(await studio.pixels('picture-adapter'), left.pixels);
  assert.equal(studio.events('training_ended').length, 0);
});

test('nothing leaves the gallery\'s own address, nothing is missing, and the console is empty', () => {
  const { origin } = new URL(host.address);
  assert.deepEqual(studio.record.requests.filter(({ url, method, body }) => !url.startsWith(host.address) || method !== 'GET' || body > 0), []);
  assert.ok(host.arrived.every(({ method }) => method === 'GET'), origin);
  // Browsers ask for this one by themselves.
  assert.deepEqual(host.missing.filter((url) => !url.endsWith('/favicon.ico')), []);
  assert.deepEqual(studio.record.logged, []);
});

test('published again by a visitor, it is a gallery and not one in another', async () => {
  // The gallery's own two, and the one drawn here.
  await studio.until(async () => (await studio.at('publish-picture').count()) === 3, () => 'three pictures to choose from');
  assert.equal(await studio.at('publish-title').inputValue(), TITLE);
  assert.equal(await studio.at('publish-artist').inputValue(), ARTIST);
  await studio.at('publish-title').fill('Another');
  const zip = await studio.save('publish');
  const again = unzip(zip.bytes);
  const of = (files) => [...files.keys()].filter((path) => !path.startsWith('gallery/pictures/')).sort();
  assert.deepEqual(of(again), of(left.files));
  assert.ok(![...again.keys()].some((path) => /gallery\/.*gallery/.test(path.replace('gallery/gallery.json', ''))));
  for (const n of [1, 2]) {
    assert.deepEqual(again.get(`gallery/pictures/${n}.png`), left.files.get(`gallery/pictures/${n}.png`), 'nothing is lost');
  }
  const html = again.get('index.html').toString();
  assert.ok(html.includes('<title>Another · Änne O&#39;Hara</title>') && !html.includes('Cups'));
  const tensors = (file) => file.subarray(8 + Number(file.readBigUInt64LE(0)));
  assert.deepEqual(tensors(again.get('gallery/adapter.safetensors')), tensors(left.files.get('gallery/adapter.safetensors')));
});

test('after the first visit it opens and draws without a network', async () => {
  const kept = studio.at('site-kept').filter({ hasText: /^All \d+/ });
  await studio.until(() => kept.count(), () => 'the gallery to be kept');
  await host.goAway();
  await studio.page.close();
  const later = await Studio.open({ context: studio.context, address: host.address });
  assert.equal(await later.at('gallery-title').innerText(), TITLE);
  await later.at('gallery-picture').nth(1).click();
  await later.at('gallery-take').click();
  await later.rest();
  await later.at('make').click();
  await later.event('picture');
  await later.rest();
  assert.equal(await later.pixels('picture-adapter'), left.pixels);
  await studio.close();
});

test('a gallery that is damaged says so, and the page works', async () => {
  const files = new Map(left.files);
  const bad = Buffer.from('{"version":1,"title":"<img src=x onerror=alert(1)>"}');
  files.set('gallery/gallery.json', bad);
  // As if it had been published so: the gatekeeper lets it through.
  const swap = (name, before, now) => files.set(name, Buffer.from(files.get(name).toString().replaceAll(before, now)));
  swap('sw.js', sha256(left.files.get('gallery/gallery.json')), sha256(bad));
  const broken = await Host.open(files, '/broken/');
  const opened = new Studio(await openPage(browser));
  try {
    await opened.page.goto(broken.address);
    assert.match(await opened.notice(/gallery/), /could not be read/);
    await opened.event('model_loaded');
    assert.equal(await opened.at('gallery').count(), 0);
    assert.ok(await opened.at('works-input').count());
    await opened.rest();
  } finally {
    await opened.context.close();
    await broken.close();
  }
});
