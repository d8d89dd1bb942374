// Studio models: found, fetched, kept, checked and removed, by a Hub of our own beside the page.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { OUT, openBrowser, openPage, recordPage, visit } from './browser.mjs';
import { COMMIT, HubFront } from './hub.mjs';

const UNET = 'unet/diffusion_pytorch_model.fp16.safetensors';
const MB = 1_000_000;

/** A safetensors file with one tensor of `bytes` random bytes. */
function safetensors(bytes) {
  const header = Buffer.from(JSON.stringify({ w: { dtype: 'F16', shape: [bytes / 2], data_offsets: [0, bytes] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, randomBytes(bytes)]);
}

/** A diffusers folder as they are published, in small. */
function folder() {
  const json = (value) => Buffer.from(JSON.stringify(value));
  return {
    'README.md': Buffer.from('# A model'),
    'model_index.json': json({
      _class_name: 'StableDiffusionPipeline',
      unet: ['diffusers', 'UNet2DConditionModel'], vae: ['diffusers', 'AutoencoderKL'],
      text_encoder: ['transformers', 'CLIPTextModel'], tokenizer: ['transformers', 'CLIPTokenizer'],
      scheduler: ['diffusers', 'PNDMScheduler'],
    }),
    'unet/config.json': json({ cross_attention_dim: 768, in_channels: 4 }),
    'unet/diffusion_pytorch_model.safetensors': safetensors(64),
    [UNET]: safetensors(6 * MB),
    'unet/diffusion_pytorch_model.bin': Buffer.from('PK\x03\x04'),
    'vae/config.json': json({}),
    'vae/diffusion_pytorch_model.safetensors': safetensors(MB),
    'text_encoder/config.json': json({}),
    'text_encoder/model.safetensors': safetensors(MB),
    'scheduler/scheduler_config.json': json({}),
    'tokenizer/vocab.json': json({}),
    'tokenizer/merges.txt': Buffer.from('#version'),
  };
}

/** The library's worker, as the page starts it. */
class Library {
  static async open(opened, front) {
    await visit(opened.page, front.address);
    const library = new Library();
    Object.assign(library, opened, { front });
    await opened.page.evaluate(async () => {
      const { library } = await import(new URL('gate.js', document.baseURI).href);
      const worker = library();
      globalThis.heard = [];
      worker.onmessage = ({ data }) => heard.push(JSON.parse(data.message));
      worker.onerror = ({ message }) => heard.push({ type: 'crashed', message });
      globalThis.ask = (request, files = []) => worker.postMessage({ message: JSON.stringify(request), files });
      ask({ type: 'open', site: new URL('./', document.baseURI).href });
    });
    await library.event('listed');
    return library;
  }

  /** Asks, and forgets what was heard before. */
  ask(request) {
    return this.page.evaluate((request) => { heard.length = 0; ask(request); }, request);
  }

  /** The first event of one of the kinds since the last question. */
  async event(...kinds) {
    const handle = await this.page.waitForFunction((kinds) => heard.find(({ type }) => kinds.includes(type)), [...kinds, 'crashed'], { timeout: 120_000 });
    const event = await handle.jsonValue();
    assert.notEqual(event.type, 'crashed', event.message);
    return event;
  }

  async lookUp(name) {
    await this.ask({ type: 'look_up', name: name.includes('://') ? name : `${this.front.address}hub/${name}` });
    return this.event('offered', 'failed');
  }

  /** Looks it up and fetches it; how that ended. */
  async fetch(name) {
    const offered = await this.lookUp(name);
    assert.equal(offered.type, 'offered', offered.message);
    await this.ask({ type: 'keep', offer: offered.offer });
    return this.event('kept', 'failed', 'paused');
  }

  async goOn(model) {
    await this.ask({ type: 'go_on', model });
    return this.event('kept', 'failed', 'paused');
  }

  /** What a server does that cuts the connection once this library has some of the file: sooner, the browser would throw away what has come. */
  cutHalfway() {
    // More than the files before it have together.
    const until = () => this.page.waitForFunction((bytes) => heard.some(({ done }) => done > bytes), 2.5 * MB);
    // Slow, for progress is told five times a second.
    return { cut: 4 * MB, until, slow: 60 };
  }

  async list() {
    await this.ask({ type: 'list' });
    return (await this.event('listed')).models;
  }

  async removeAll() {
    for (const { model } of await this.list()) {
      await this.ask({ type: 'remove', model });
      await this.event('removed');
    }
  }

  /** SHA-256 of all files that are kept, by path. */
  kept(model) {
    return this.page.evaluate(async (model) => {
      const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('models');
      const place = await models.getDirectoryHandle(model);
      const read = async (name) => (await (await place.getFileHandle(name)).getFile()).arrayBuffer();
      const { files } = JSON.parse(new TextDecoder().decode(await read('record')));
      const hash = async (number) => {
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await read(String(number))));
        return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      };
      return Object.fromEntries(await Promise.all(files.map(async ({ path }, number) => [path, await hash(number)])));
    }, model);
  }

  usage() {
    return this.page.evaluate(async () => (await navigator.storage.estimate()).usage);
  }

  /** Gives the page so many bytes in all; without a number, the machine's own again. */
  async setQuota(quotaSize) {
    // It holds as long as the session does.
    this.devtools ??= await this.context.newCDPSession(this.page);
    const origin = new URL(this.front.address).origin;
    await this.devtools.send('Storage.overrideQuotaForOrigin', quotaSize === undefined ? { origin } : { origin, quotaSize });
  }
}

describe('Studio models', () => {
  let front;
  let browser;
  let library;
  let files;
  before(async () => {
    front = await HubFront.open();
    // It needs no graphics card.
    browser = await openBrowser({ gpu: false });
    library = await Library.open(await openPage(browser), front);
  });
  after(async () => {
    await browser?.close();
    await front?.close();
  });
  beforeEach(async () => {
    await library.removeAll();
    files = folder();
    front.models.set('studio/ink', files);
    front.spoil = () => ({});
    front.arrived.length = 0;
  });

  const needed = () => Object.keys(files).filter((path) => path !== 'README.md' && !/unet\/diffusion_pytorch_model\.(bin|safetensors)$/.test(path));
  const bytes = () => needed().reduce((sum, path) => sum + files[path].length, 0);
  const hashes = () => Object.fromEntries(needed().map((path) => [path, createHash('sha256').update(files[path]).digest('hex')]));

  test('are looked at before any weight is fetched', async () => {
    const offered = await library.lookUp('studio/ink@main');
    assert.equal(offered.title, 'studio/ink');
    assert.equal(offered.family, 'sd1');
    assert.equal(offered.licence, 'creativeml-openrail-m');
    assert.equal(offered.bytes, bytes());
    assert.equal(offered.missing, bytes());
    assert.equal(offered.parameters, 4 * MB);
    assert.ok(offered.free > bytes());
    for (const { path, range } of front.asked.filter(({ path }) => path.endsWith('.safetensors'))) {
      assert.match(range ?? 'all of it', /^bytes=0-\d{1,6}$/, `${path} was fetched before it was asked for`);
    }
    assert.deepEqual(await library.list(), []);
  });

  test('are fetched whole, once, and the next visit asks for nothing', async () => {
    const ended = await library.fetch('studio/ink');
    assert.equal(ended.type, 'kept', ended.message);
    const weights = (path) => path.endsWith('.safetensors');
    const fetched = front.asked.filter(({ range, path }) => !range && weights(path)).map(({ path }) => path.split(`${COMMIT}/`)[1]);
    assert.deepEqual(fetched.sort(), needed().filter(weights).sort());
    assert.deepEqual(await library.kept(ended.model), hashes());

    front.arrived.length = 0;
    const later = await Library.open(await recordPage(library.context), front);
    const [model] = await later.list();
    assert.deepEqual([model.whole, model.here, model.used], [true, bytes(), null]);
    await later.ask({ type: 'used', model: model.model });
    assert.ok(Math.abs((await later.event('listed')).models[0].used - Date.now()) < 60_000);
    assert.deepEqual(front.asked, []);
    await later.page.close();

    // Asked for once more, it is known to be here.
    assert.equal((await library.lookUp('studio/ink')).missing, 0);
  });

  test('are in the list of what left this machine, as the library\'s', async () => {
    // By itself, for pages of one browser tell each other.
    const own = await Library.open(await openPage(browser), front);
    const { page } = own;
    await own.fetch('studio/ink');
    await page.getByTestId('requests').locator('summary').click();
    const row = page.getByTestId('request').filter({ has: page.locator(`th[title$="${UNET}"]`) });
    assert.match(await row.innerText(), /library/);
    assert.match(await row.innerText(), /6\.\d MB/);
    const asked = new Set(front.asked.map(({ path }) => path));
    const listed = await page.getByTestId('request').evaluateAll((rows) => rows.map((row) => decodeURIComponent(row.querySelector('th').title)));
    for (const path of asked) assert.ok(listed.some((address) => address.endsWith(`/hub/${path}`)), `${path} is not in the list`);
    await own.context.close();
  });

  test('leave nothing when they are removed', async () => {
    const { model } = await library.fetch('studio/ink');
    const held = await library.usage();
    assert.ok(held > 7 * MB);
    await library.ask({ type: 'remove', model });
    assert.equal((await library.event('removed')).freed, bytes());
    assert.deepEqual(await library.list(), []);
    // The browser counts anew in its own time.
    const last = Date.now() + 10_000;
    while (held - await library.usage() < 7 * MB) assert.ok(Date.now() < last, 'the room is free again');
  });

  test('survive a short cut of the connection by themselves', async () => {
    let cuts = 0;
    front.spoil = (path) => (path === UNET && cuts++ === 1 ? library.cutHalfway() : {});
    const ended = await library.fetch('studio/ink');
    assert.equal(ended.type, 'kept', ended.message);
    assert.deepEqual(await library.kept(ended.model), hashes());
    const [from] = front.asked.filter(({ path, range }) => path.endsWith(UNET) && /^bytes=[1-9]/.test(range ?? ''));
    assert.ok(from, 'it went on where it was cut');
  });

  test('go on where a connection was lost, and are checked as a whole', async () => {
    let lost = false;
    front.spoil = (path, _, range) => (path === UNET && !(range ?? '').startsWith('bytes=0-') && (lost ? { cut: 0 } : (lost = true, library.cutHalfway())));
    const failed = await library.fetch('studio/ink');
    assert.equal(failed.type, 'failed');
    assert.match(failed.message, /cut|could not be reached/);
    assert.ok(failed.can_go_on);
    const [part] = await library.list();
    assert.ok(!part.whole && part.here > 2 * MB && part.here < bytes(), `${part.here} bytes are here`);

    front.spoil = () => ({});
    front.arrived.length = 0;
    // Another visit: nothing is in memory any more.
    const later = await Library.open(await recordPage(library.context), front);
    const ended = await later.goOn(part.model);
    assert.equal(ended.type, 'kept', ended.message);
    const [unet] = front.asked.filter(({ path }) => path.endsWith(UNET));
    assert.match(unet.range, /^bytes=[1-9]\d{6}-$/);
    assert.ok(await later.page.evaluate(() => heard.some(({ type, doing }) => type === 'progress' && doing === 'checking')));
    assert.deepEqual(await later.kept(part.model), hashes());
    await later.page.close();
  });

  test('are paused and go on', async () => {
    front.spoil = (path) => (path === UNET ? { slow: 100 } : {});
    const offered = await library.lookUp('studio/ink');
    await library.ask({ type: 'keep', offer: offered.offer });
    await library.page.waitForFunction((bytes) => heard.some(({ done }) => done > bytes), MB);
    await library.page.evaluate(() => ask({ type: 'pause' }));
    const { model } = await library.event('paused');
    front.spoil = () => ({});
    assert.equal((await library.goOn(model)).type, 'kept');
    assert.deepEqual(await library.kept(model), hashes());
  });

  test('are fetched in one tab at a time', async () => {
    front.spoil = (path) => (path === UNET ? { slow: 200 } : {});
    const offered = await library.lookUp('studio/ink');
    await library.ask({ type: 'keep', offer: offered.offer });
    await library.event('progress');
    const other = await Library.open(await recordPage(library.context), front);
    const refused = await other.fetch('studio/ink');
    assert.match(refused.message ?? refused.type, /another tab/i);
    await other.page.close();
    await library.page.evaluate((model) => ask({ type: 'remove', model }), (await library.event('progress')).model);
    await library.event('removed');
    assert.deepEqual(await library.list(), []);
  });

  test('with a wrong hash are not taken', async () => {
    const wrong = Buffer.from(files[UNET]);
    wrong[wrong.length - 7] ^= 1;
    front.spoil = (path) => (path === UNET ? { bytes: wrong } : {});
    const failed = await library.fetch('studio/ink');
    assert.equal(failed.type, 'failed');
    assert.match(failed.message, /SHA-256/);
    assert.equal((await library.list())[0].whole, false);
    front.spoil = () => ({});
    assert.equal((await library.goOn(failed.model)).type, 'kept');
    assert.deepEqual(await library.kept(failed.model), hashes());
  });

  test('whose server ignores ranges are begun anew', async () => {
    let cuts = 0;
    front.spoil = (path) => (path === UNET && cuts++ === 1 ? library.cutHalfway() : {});
    const { answer } = HubFront.prototype;
    front.answer = function answerWhole(request, response) {
      if (request.url.endsWith(UNET) && /bytes=[1-9]/.test(request.headers.range)) delete request.headers.range;
      return answer.call(this, request, response);
    };
    const ended = await library.fetch('studio/ink');
    delete front.answer;
    assert.equal(ended.type, 'kept', ended.message);
    assert.deepEqual(await library.kept(ended.model), hashes());
  });

  const refusals = {
    'that are not there': [() => 'studio/nothing', /no model studio\/nothing/],
    'that want a sign-in': [() => { files.gated = 'manual'; return 'studio/ink'; }, /sign in/],
    'from another host': [() => 'https://elsewhere.test/a/b', /nowhere else/],
    'that are pickles by name': [() => {
      for (const path of Object.keys(files)) if (path.startsWith('unet/') && path.endsWith('.safetensors')) delete files[path];
      return 'studio/ink';
    }, /can run code/],
    'that are pickles under another name': [() => { files[UNET] = Buffer.from('PK\x03\x04 and the rest of it'); return 'studio/ink'; }, /can run code/],
    'of another family': [() => { files['unet/config.json'] = Buffer.from('{"cross_attention_dim":2048}'); return 'studio/ink'; }, /Stable Diffusion XL/],
    'that lack a part': [() => { delete files['vae/config.json']; return 'studio/ink'; }, /lacks vae\/config\.json/],
    'that hold nothing': [() => { front.models.set('studio/empty', { 'README.md': Buffer.from('x') }); return 'studio/empty'; }, /holds no model/],
  };
  for (const [which, [prepare, says]] of Object.entries(refusals)) {
    test(`${which} are refused with the reason`, async () => {
      const failed = await library.lookUp(prepare());
      assert.equal(failed.type, 'failed');
      assert.match(failed.message, says);
      assert.deepEqual(await library.list(), []);
    });
  }

  test('of which a file is gone stand still and say so', async () => {
    const offered = await library.lookUp('studio/ink');
    front.spoil = (path) => (path.startsWith('vae/diff') ? { status: 404 } : {});
    await library.ask({ type: 'keep', offer: offered.offer });
    const failed = await library.event('failed', 'kept');
    assert.match(failed.message ?? '', /no longer where the Hub said/);
  });

  test('for which there is no room are not begun', async () => {
    // In private windows, as the other tests have, Chromium only notices when it writes.
    const profile = mkdtempSync(join(tmpdir(), 'atelier-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    try {
      const library = await Library.open(await recordPage(context), front);
      const offered = await library.lookUp('studio/ink');
      await library.setQuota(await library.usage() + 2 * MB);
      front.arrived.length = 0;
      await library.ask({ type: 'keep', offer: offered.offer });
      const failed = await library.event('failed', 'kept');
      assert.match(failed.message ?? '', /takes 8 MB, and this browser has .*room/);
      assert.deepEqual(front.asked, []);
      assert.deepEqual(await library.list(), []);
      await library.setQuota();
      assert.equal((await library.fetch('studio/ink')).type, 'kept');
    } finally {
      await context.close();
      rmSync(profile, { recursive: true });
    }
  });

  test('that fill the disk are removed again', async () => {
    const before = await library.usage();
    front.spoil = (path) => (path === UNET ? { slow: 50 } : {});
    const offered = await library.lookUp('studio/ink');
    await library.ask({ type: 'keep', offer: offered.offer });
    await library.page.waitForFunction((bytes) => heard.some(({ done }) => done > bytes), MB);
    await library.setQuota(before + 2 * MB);
    const failed = await library.event('failed', 'kept');
    await library.setQuota();
    assert.match(failed.message ?? '', /disk is full/);
    assert.ok(!failed.can_go_on);
    assert.deepEqual(await library.list(), []);
    assert.ok(await library.usage() - before < MB / 10);
  });

  test('are taken from the artist\'s own files, and ask nobody', async () => {
    const chosen = Object.entries(files).map(([path, bytes]) => [path, bytes.toString('base64')]);
    await library.page.evaluate((chosen) => {
      heard.length = 0;
      const files = chosen.map(([path, text]) => new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], path.split('/').at(-1)));
      ask({ type: 'look_at', paths: chosen.map(([path]) => `My ink/${path}`) }, files);
    }, chosen);
    const offered = await library.event('offered', 'failed');
    assert.equal(offered.title, 'My ink', offered.message);
    assert.deepEqual([offered.fetched, offered.licence, offered.bytes], [false, null, bytes()]);
    await library.ask({ type: 'keep', offer: offered.offer });
    const { model } = await library.event('kept', 'failed');
    assert.deepEqual(await library.kept(model), hashes());
    assert.deepEqual(front.asked, []);
  });

  test('make the gatekeeper let through nothing else', async () => {
    const go = (address, options) => library.page.evaluate(([address, options]) => fetch(address, options).then(() => 'went through', ({ name }) => name), [address, options]);
    for (const [address, options] of [
      ['https://huggingface.co/', {}],
      ['https://huggingface.co/api/whoami-v2', {}],
      [`https://huggingface.co/a/b/resolve/${COMMIT}/x`, { method: 'POST', body: 'canary' }],
      ['https://huggingface.co/a/b/resolve/main/x?canary', {}],
      ['https://us.aws.cdn.hf.co/canary', {}],
    ]) {
      assert.equal(await go(address, options), 'TypeError', address);
    }
    const stopped = library.page.getByTestId('request').filter({ hasText: 'stopped' });
    await library.page.getByTestId('requests').locator('summary').click();
    await stopped.nth(4).waitFor();
    assert.equal(await stopped.count(), 5);
  });
});

describe('the page\'s list of models', () => {
  let front;
  let browser;
  let page;
  const at = (id) => page.getByTestId(id);
  before(async () => {
    front = await HubFront.open();
    front.models.set('studio/ink', folder());
    browser = await openBrowser();
    ({ page } = await openPage(browser));
    await visit(page, front.address);
    await at('works-input').waitFor({ state: 'attached' });
  });
  after(async () => {
    await browser?.close();
    await front?.close();
  });

  test('asks before it fetches, shows how far it is, pauses, goes on and removes', async () => {
    await at('models-menu').locator('summary').first().click();
    assert.deepEqual(front.asked, [], 'looking at the list asks nobody');
    await at('model-name-input').fill('nonsense');
    await at('model-look-up').click();
    await at('notice').filter({ hasText: 'is not the name of a model' }).waitFor();

    await at('model-name-input').fill(`${front.address}hub/studio/ink`);
    await at('model-look-up').click();
    await at('model-offer').waitFor();
    const offer = await at('model-offer').innerText();
    for (const said of [/8\.0 MB/, /creativeml-openrail-m/, /Stable Diffusion 1\.x/, /graphics memory/, /has room for/]) assert.match(offer, said);
    await page.screenshot({ path: join(OUT, 'models.png'), fullPage: true });

    front.spoil = (path) => (path === UNET ? { slow: 150 } : {});
    await at('model-keep').click();
    await at('model-progress-bytes').filter({ hasText: /Fetching studio\/ink: [1-9]/ }).waitFor();
    await at('model-pause').click();
    await at('model-go-on').waitFor();
    assert.match(await at('model').innerText(), /of 8\.0 MB are here/);
    front.spoil = () => ({});
    await at('model-go-on').click();
    await at('notice').filter({ hasText: 'is here, whole and checked' }).waitFor();
    assert.match(await at('model').innerText(), /Not used yet/);

    await at('model-remove').click();
    await at('model-remove-yes').click();
    await at('notice').filter({ hasText: 'freed 8.0 MB' }).waitFor();
    assert.equal(await at('model').count(), 0);
  });
});
