// Nothing of the artist's leaves the machine, and the page does not need to be asked again.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PATIENCE, openBrowser, visit } from './browser.mjs';
import { Front } from './front.mjs';
import { Studio, drawings } from './studio.mjs';

const works = drawings('gerald').slice(0, 5);

/** A little of everything an artist does. */
async function session(studio, { giveWorks }) {
  await giveWorks();
  await studio.event('work_added', 5);
  await studio.page.locator('[data-testid=train-start]:not([aria-disabled=true])').waitFor({ timeout: PATIENCE });
  await studio.at('prompt').fill('a canary of seven feathers');
  await studio.train({ steps: 2, trigger: 'in canary hand' });
  await studio.event('training_ended');
  // A first pair comes by itself.
  await studio.event('picture', 2);
  await studio.rest();
  const adapter = await studio.save('save-adapter');
  assert.ok(adapter.bytes.length > 500, 'there is an adapter');
  const picture = await studio.save('save-picture');
  assert.equal(picture.bytes.subarray(1, 4).toString(), 'PNG');
}

describe('a whole session', () => {
  let front;
  let browser;
  let studio;
  let folder;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'atelier-'));
    front = await Front.open();
    browser = await openBrowser({ args: [`--log-net-log=${join(folder, 'net.json')}`] });
    studio = await Studio.open({ browser, address: front.address });
  });
  after(async () => {
    await browser?.close();
    await front?.close();
    rmSync(folder, { recursive: true });
  });

  test('sends nothing of the works, in no form', async () => {
    const bytes = works.map((path) => readFileSync(path));
    await session(studio, {
      giveWorks: () => studio.giveWorks(bytes.map((buffer, n) => ({ name: `canary-${n}.png`, mimeType: 'image/png', buffer }))),
    });
    assert.ok(front.arrived.length > 10, 'the page came from here');
    const canaries = ['canary', ...bytes.flatMap((b) => [b.subarray(40, 60).toString('latin1'), b.subarray(40, 70).toString('base64').slice(0, 36)])];
    for (const { method, url, headers, body } of front.arrived) {
      assert.deepEqual([method, body.length], ['GET', 0], `${url} was asked with something in hand`);
      for (const canary of canaries) {
        assert.ok(!decodeURIComponent(url).includes(canary) && !headers.includes(canary), `${url} carries ${canary}`);
      }
    }
  });

  test('is listed whole, and to no address but the page\'s own', async () => {
    await studio.until(
      async () => /(\d+) .*\1|All/.test(await studio.at('site-kept').textContent()),
      () => 'the site to be kept');
    await studio.at('requests-link').click();
    assert.match(await studio.at('requests-sum').innerText(), /none to any other/);
    assert.match(await studio.at('requests-guard').innerText(), /gatekeeper/);
    const listed = await studio.at('request').evaluateAll((rows) => rows.map((row) => row.querySelector('th').title));
    const site = new URL(front.address);
    for (const { url } of front.arrived) {
      const address = new URL(url, site).href;
      // The browser asks for the gatekeeper itself, and for icons; the list says so in words.
      if (/sw\.js$|icons\/|favicon\.ico$|manifest/.test(address)) continue;
      assert.ok(listed.includes(address), `${address} is not in the list`);
    }
    for (const address of listed) assert.ok(address.startsWith(site.href), address);
    await studio.screenshot('requests');
  });

  test('leaves the console empty', () => {
    assert.deepEqual(studio.record.logged, []);
  });

  test('opened no connection but to the page\'s own address', async () => {
    await browser.close();
    const { constants, events } = JSON.parse(readFileSync(join(folder, 'net.json'), 'utf8'));
    const names = Object.fromEntries(Object.entries(constants.logEventTypes).map(([name, number]) => [number, name]));
    const of = (name) => events.filter(({ type }) => names[type] === name);
    const connected = of('TCP_CONNECT_ATTEMPT').map(({ params }) => params?.address).filter(Boolean);
    const host = new URL(front.address).host;
    assert.ok(connected.includes(host), 'the log has the connections');
    assert.deepEqual(connected.filter((address) => address !== host), []);
    assert.ok(Object.values(names).includes('UDP_BYTES_SENT'), 'the log would have datagrams');
    assert.deepEqual(of('UDP_BYTES_SENT'), []);
  });
});

describe('what the page may not do', () => {
  let front;
  let browser;
  let studio;
  before(async () => {
    front = await Front.open();
    browser = await openBrowser();
    studio = await Studio.open({ browser, address: front.address, ready: false });
    await studio.until(engine, () => 'the engine\'s worker');
  });
  after(async () => {
    await browser?.close();
    await front?.close();
  });

  // It has the page's policy by being a blob.
  const engine = () => studio.page.workers().find((worker) => worker.url().startsWith('blob:'));
  const refused = {
    'another host': () => fetch('https://elsewhere.test/').then(() => 'went through', (e) => e.name),
    'sending to its own': () => fetch('./', { method: 'POST', body: 'canary' }).then(() => 'went through', (e) => e.name),
    'a beacon': () => (navigator.sendBeacon('https://elsewhere.test/', 'canary'), new Promise((stopped) => {
      addEventListener('securitypolicyviolation', () => stopped('TypeError'), { once: true });
      navigator.sendBeacon('https://elsewhere.test/', 'canary');
    })),
    // In a task of its own: what the test itself evaluates is let through.
    'text as script': () => new Promise((result) => setTimeout(() => {
      try { result(`went through: ${eval('1')}`); } catch { result('TypeError'); }
    })),
    'text as markup': () => { try { document.body.innerHTML += '<b>x</b>'; return 'went through'; } catch (e) { return e.name; } },
    'a worker of another script': () => { try { new Worker('sw.js'); return 'went through'; } catch (e) { return e.name; } },
  };
  for (const [what, attempt] of Object.entries(refused)) {
    test(`${what} is refused to the page`, async () => {
      assert.equal(await studio.page.evaluate(attempt), 'TypeError');
    });
  }

  test('WebRTC is not there', async () => {
    assert.equal(await studio.page.evaluate(() => typeof RTCPeerConnection), 'undefined');
  });

  test('another host is refused to the engine', async () => {
    assert.equal(await engine().evaluate(refused['another host']), 'TypeError');
    assert.equal(await engine().evaluate(() => fetch(`${new URL(self.location.origin)}x`, { method: 'POST', body: 'canary' }).then(() => 'went through', (e) => e.name)), 'TypeError');
  });

  test('nothing of it arrived, and the list says that it was stopped', async () => {
    for (const { method, url, body } of front.arrived) {
      assert.deepEqual([method, body.length], ['GET', 0], url);
    }
    await studio.at('requests-link').click();
    assert.match(await studio.at('requests-sum').innerText(), /stopped/);
    const stopped = studio.page.locator('[data-testid=request].wrong');
    assert.ok((await stopped.count()) > 0);
    assert.match(await stopped.first().innerText(), /stopped/);
  });
});

describe('without a network', () => {
  test('after a first visit the page opens, trains, draws and saves', async () => {
    const front = await Front.open();
    const browser = await openBrowser();
    try {
      const first = await Studio.open({ browser, address: front.address });
      const kept = first.at('site-kept').filter({ hasText: /^All \d+/ });
      await first.until(() => kept.count(), () => 'the site to be kept');
      await first.page.close();
      await front.close();

      const later = await Studio.open({ context: first.context, address: front.address });
      await session(later, {
        giveWorks: async () => {
          // Those that come with the page, from its own copy.
          await later.page.locator('.menu > summary').click();
          await later.at('try-samples').first().click();
        },
      });
      const how = await later.context.newPage();
      await how.goto(`${front.address}how.html`);
      assert.match(await how.locator('h1').innerText(), /cannot do/);
    } finally {
      await browser.close();
    }
  });
});

describe('a newer version of the page', () => {
  const NEW = 'A newer version, whole.';
  const changedPage = (text) => text.replace('<main', `<p>${NEW}</p><main`);
  const hash = (text) => createHash('sha256').update(text).digest('hex');
  let front;
  let browser;
  before(async () => {
    front = await Front.open();
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await front?.close();
  });

  /** Serves a build in which how.html is another; `arrives` false when its contents lag behind. */
  async function publish({ arrives }) {
    const old = await (await fetch(`${front.address}how.html`)).text();
    const [before, now] = [hash(old.replace(`<p>${NEW}</p>`, '')), hash(changedPage(old))];
    front.changed.set('sw.js', (text) => {
      assert.ok(text.includes(before), 'the gatekeeper knows how.html');
      return text.replace(before, now);
    });
    if (arrives) front.changed.set('how.html', changedPage);
  }
  const how = (studio) => studio.page.evaluate(async () => (await fetch('how.html')).text());

  test('takes over only when all of it is there, and when it is told to', async () => {
    const studio = await Studio.open({ browser, address: front.address });
    const kept = studio.at('site-kept').filter({ hasText: /^All \d+/ });
    await studio.until(() => kept.count(), () => 'the site to be kept');

    // Published in halves: the list is new, the file still old.
    await publish({ arrives: false });
    await studio.page.evaluate(async () => (await navigator.serviceWorker.ready).update().catch(() => {}));
    await studio.page.waitForTimeout(1_000);
    assert.equal(await studio.at('update').count(), 0, 'half a version is none');

    await publish({ arrives: true });
    await studio.page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await studio.at('update').waitFor();
    assert.ok(!(await how(studio)).includes(NEW), 'this visit stays with its version');

    // While another tab has the old version, it waits.
    const other = await studio.context.newPage();
    await visit(other, front.address);
    await studio.at('update-now').click();
    await studio.at('update').filter({ hasText: /another tab/ }).waitFor();
    await other.close();

    await Promise.all([studio.page.waitForEvent('load'), studio.at('update-now').click()]);
    await studio.at('works-input').waitFor({ state: 'attached' });
    assert.ok((await how(studio)).includes(NEW));
    assert.equal(await studio.at('update').count(), 0);
  });
});
