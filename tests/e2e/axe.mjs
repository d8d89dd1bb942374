// axe-core over a page in all its looks.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 }, language: 'en' },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 }, language: 'en' },
  narrow: { colorScheme: 'light', viewport: { width: 360, height: 740 } },
};

/** Every rule of axe-core but those that are in trial; fails with what it found and where. */
export async function expectAccessible(page, when) {
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

/**
 * Looks at a page of the studio in every look, and leaves it in the first; it may scroll down, never sideways.
 * Where the languages cannot be reached, as behind an open dialog, it stays in `narrow`, its own.
 */
export async function expectAccessibleInEveryLook(studio, when, look = async () => {}, narrow = 'de') {
  const { page } = studio;
  const wear = async ({ colorScheme, viewport, language }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    if ((await page.getAttribute('html', 'lang')) !== language) await studio.at(`language-${language}`).click();
  };
  for (const [name, looks] of Object.entries(LOOKS)) {
    await wear(name === 'narrow' ? { ...looks, language: narrow } : looks);
    await look(name);
    await expectAccessible(page, `${when}, ${name}`);
    const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= width, `${when}, ${name}: ${wide} pixels wide in a window of ${width}`);
  }
  await wear(LOOKS.light);
}
