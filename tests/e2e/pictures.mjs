// Makes the pictures that are kept with the project: the icons, the preview that others show with a
// link, and screenshots for docs/. Not a test; with the page served, run
// ATELIER=http://127.0.0.1:8080/ CHROMIUM=$(which chromium) node pictures.mjs

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './browser.mjs';
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

const works = drawings('gerald').filter((path) => !/drink|cup|mug|coffee/.test(path)).slice(0, 16);
const tile = (path) => `<img src="${dataUrl(path, 'image/png')}">`;
await draw(at('www/preview.jpg'), 1200, 630, `
  <style>
    body { display: flex; align-items: center; gap: 56px; padding: 0 0 0 72px; background: #f7f5f0; color: #26231f }
    div { flex: none; width: 500px; font: 27px/1.45 system-ui, "Liberation Sans", sans-serif }
    b { font: 400 68px/1.1 "Palatino Linotype", P052, "URW Palladio L", "DejaVu Serif", serif; letter-spacing: -.012em; display: block; margin: 20px 0 28px }
    small { font: 30px "Palatino Linotype", P052, "URW Palladio L", "DejaVu Serif", serif }
    p { color: #5f5a51 }
    section { display: grid; grid-template-columns: repeat(4, 144px); gap: 12px; rotate: -4deg }
    img { width: 144px; height: 144px; padding: 14px; background: #fff; border-radius: 4px; box-shadow: 0 0 0 1px #dcd7cb; object-fit: contain }
  </style>
  <div><small>Atelier</small><b>New pictures in your own hand.</b><p>Learned from your own works, on your own graphics card. Nothing is uploaded.</p></div>
  <section>${works.map(tile).join('')}</section>`);

// The page as it is at three widths, light and dark: first visit, and with works.
mkdirSync(at('docs/screens'), { recursive: true });
for (const [name, width, height] of [['phone', 390, 844], ['tablet', 820, 1180], ['desktop', 1280, 900]]) {
  for (const colorScheme of ['light', 'dark']) {
    const studio = await Studio.open({ browser, viewport: { width, height }, colorScheme });
    await studio.at('run-example').waitFor();
    await studio.screenshotAt(at(`docs/screens/${name}-${colorScheme}.jpg`));
    await studio.close();
  }
}
writeFileSync(at('docs/screens/README.md'), `# The page at three widths

Made by \`tests/e2e/pictures.mjs\`: a first visit on a phone, a tablet and a desk, light and dark.
`);
await browser.close();
