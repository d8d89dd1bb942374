// Makes the pictures that are kept with the project: those of the finished example, which the page draws
// itself, the icons, the preview that others show with a link, and screenshots of every state for docs/.
// Not a test; with the page served, run
// ATELIER=http://127.0.0.1:8080/ CHROMIUM=$(which chromium) node pictures.mjs

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ADDRESS, PLAIN_ADDRESS, openBrowser } from './browser.mjs';
import { HubFront, saved } from './hub.mjs';
import { Studio, drawings } from './studio.mjs';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const dataUrl = (path, type) => `data:${type};base64,${readFileSync(path).toString('base64')}`;
const browser = await openBrowser();

/** A page of its own, as large as the picture. */
async function draw(path, width, height, html) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: 'light' });
  await page.setContent(`<style>* { margin: 0; box-sizing: border-box } body { width: ${width}px; height: ${height}px; overflow: hidden }</style>${html}`);
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  await page.screenshot(path.endsWith('.jpg') ? { path, quality: 85 } : { path, omitBackground: true });
  await page.close();
}

const icon = dataUrl(at('www/icons/icon.svg'), 'image/svg+xml');
for (const size of [180, 192, 512]) {
  await draw(at(`www/icons/icon-${size}.png`), size, size, `<img src="${icon}" width="${size}" height="${size}">`);
}
// Cut to a circle or a square by whoever shows it: the sign within the middle four fifths.
await draw(at('www/icons/maskable-512.png'), 512, 512,
  `<body style="background:#26231f"><img src="${icon}" width="400" height="400" style="margin:56px">`);

const samples = JSON.parse(readFileSync(at('www/samples/samples.json'), 'utf8'));
const drawn = samples[0].drawn;

/** One sheet a state: three widths, light and dark, at half their size. */
const LOOKS = ['light', 'dark'].flatMap((colorScheme) =>
  [[400, 840], [800, 1100], [1280, 900]].map(([width, height]) => ({ colorScheme, viewport: { width, height } })));
async function sheet(name, page, place) {
  const shots = [];
  for (const { colorScheme, viewport } of LOOKS) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.evaluate((place) => (place ? document.querySelector(place)?.scrollIntoView() : scrollTo(0, 0)), place);
    await page.waitForTimeout(300);
    const shot = await page.screenshot({ type: 'jpeg', quality: 92 });
    shots.push(`<img src="data:image/jpeg;base64,${shot.toString('base64')}" width="${viewport.width / 2}">`);
  }
  const rows = [shots.slice(0, 3), shots.slice(3)].map((row) => `<p>${row.join('')}</p>`);
  await draw(at(`docs/screens/${name}.jpg`), 1300, 1140, `
    <style>body { background: #8a8a8a; padding: 10px } p { display: flex; gap: 10px; align-items: start; margin-bottom: 20px }</style>${rows.join('')}`);
}

rmSync(at('docs/screens'), { recursive: true, force: true });
mkdirSync(at('docs/screens'), { recursive: true });
mkdirSync(at('www/samples/drawn'), { recursive: true });

const studio = await Studio.open({ browser });
const { page } = studio;
await studio.at('run-example').waitFor();
await sheet('first-visit', page);

// The example, run as a visitor would; its pictures are the finished example's.
await studio.at('run-example').click();
await studio.event('trained', 1);
await sheet('works', page, '#works');
await studio.event('trained', 45);
await sheet('training', page, '[data-testid=train-stop]');
await studio.event('training_ended');
await studio.event('picture', 2 * drawn.length);
await studio.rest();
await sheet('trained', page, '[data-testid=run]');
await sheet('pictures', page, '.pair');
await page.setViewportSize({ width: 1280, height: 900 });
await page.emulateMedia({ colorScheme: 'light' });
for (const [n, { file }] of drawn.entries()) {
  await studio.at('batch').locator('button').nth(n).click();
  writeFileSync(at(`www/samples/drawn/${file}`), (await studio.save('save-picture')).bytes);
}
await page.screenshot({ path: at('docs/page.png'), fullPage: true });

await studio.at('many-kind').selectOption('grid');
await studio.make({ prompt: 'a red mushroom\na house\na fish' });
await studio.event('picture', 2 * drawn.length + 12);
await studio.rest();
await sheet('grid-and-history', page, '#batch-title');
await studio.at('many-kind').selectOption('single');

// A part of a picture is painted over.
await studio.at('start-image').setInputFiles(drawings('gerald')[0]);
await studio.at('mask-wanted').check();
const surface = studio.at('mask');
await surface.scrollIntoViewIfNeeded();
const square = await surface.boundingBox();
const brush = (x, y) => page.mouse.move(square.x + x * square.width, square.y + y * square.width, { steps: 6 });
await brush(0.3, 0.62);
await page.mouse.down();
await brush(0.68, 0.6);
await brush(0.34, 0.7);
await brush(0.66, 0.72);
await page.mouse.up();
await sheet('part', page, '[data-testid=image-strength]');
await studio.at('started-from').getByRole('button').click();

// A second adapter, and the two mixed.
const hand = await studio.save('save-adapter');
await studio.loadAdapter('a softer hand.safetensors', hand.bytes);
await studio.event('adapter_loaded');
await studio.at('mix').locator('summary').click();
await studio.at('mix-strength').nth(0).fill('0.6');
await studio.at('mix-strength').nth(1).fill('0.4');
await studio.at('mix-go').click();
await studio.event('adapter_loaded', 2);
await studio.rest();
await sheet('mixed', page, '.adapters');

await page.evaluate(() => { document.querySelector('[data-testid=requests]').open = true; });
await sheet('requests', page, '[data-testid=requests]');
await studio.loseGraphicsCard();
await sheet('lost', page);
await page.goto(`${ADDRESS}how.html`);
await sheet('how', page);
await studio.close();
// Of two models one is here, and one is asked about.
const front = await HubFront.open();
front.models.set('studio/ink', saved('sd15'));
front.models.set('studio/quick-ink', saved('lcm'));
const choosing = await Studio.open({ browser, address: front.address });
await choosing.at('models-menu').locator('summary').first().click();
for (const name of ['ink', 'quick-ink']) {
  await choosing.at('model-name-input').fill(`${front.address}hub/studio/${name}`);
  await choosing.at('model-look-up').click();
  await choosing.at('model-offer').waitFor();
  if (name === 'ink') {
    await choosing.at('model-keep').click();
    await choosing.at('notice').filter({ hasText: 'is here, whole and checked' }).waitFor();
  }
}
await sheet('models', choosing.page, '[data-testid=models]');
await choosing.close();
await front.close();
const unsupported = await Studio.open({ browser, ready: false, address: PLAIN_ADDRESS });
await unsupported.at('unsupported').waitFor();
await sheet('unsupported', unsupported.page);
await unsupported.close();

writeFileSync(at('docs/screens/README.md'), `# The page in every state

Made by \`tests/e2e/pictures.mjs\` in Chromium on a software adapter: each state at 400, 800 and 1280 pixels, light and dark, at half size.
`);

const works = drawings('gerald').filter((path) => !/drink|cup|mug|coffee/.test(path)).slice(0, 8);
const tile = (path) => `<img src="${dataUrl(path, 'image/png')}">`;
await draw(at('www/preview.jpg'), 1200, 630, `
  <style>
    body { display: flex; align-items: center; gap: 56px; padding: 0 0 0 72px; background: #f7f5f0; color: #26231f }
    div { flex: none; width: 500px; font: 27px/1.45 system-ui, "Liberation Sans", sans-serif }
    b { font: 400 68px/1.1 "Palatino Linotype", P052, "URW Palladio L", "DejaVu Serif", serif; letter-spacing: -.012em; display: block; margin: 20px 0 28px }
    small { font: 30px "Palatino Linotype", P052, "URW Palladio L", "DejaVu Serif", serif }
    p { color: #5f5a51 }
    aside { font: 22px system-ui, "Liberation Sans", sans-serif; color: #5f5a51 }
    section { display: grid; grid-template-columns: repeat(4, 118px); gap: 10px; margin: 10px 0 26px }
    .drawn { grid-template-columns: repeat(3, 161px) }
    img { width: 100%; aspect-ratio: 1; padding: 8%; background: #fff; border-radius: 4px; box-shadow: 0 0 0 1px #dcd7cb; object-fit: contain }
    .drawn img { padding: 0 }
  </style>
  <div><small>Atelier</small><b>New pictures in your own hand.</b><p>Learned from your own works, on your own graphics card. Nothing is uploaded.</p></div>
  <aside>Works<section>${works.slice(0, 4).map(tile).join('')}</section>Drawn by the page
  <section class="drawn">${drawn.slice(0, 6).map(({ file }) => tile(at(`www/samples/drawn/${file}`))).join('')}</section></aside>`);
await browser.close();
