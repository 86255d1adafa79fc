import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, describeWith, type TestBrowser, temporaryFolder, waitFor } from '@fieldline/shared/testing';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createFixture, type Fixture, startTestApi, type TestApi } from '../api/fixture.ts';
import { seedPlant, tick } from '../api/plant.ts';

describeWith(chromium, 'the page in a real browser', () => {
  let fixture: Fixture;
  let api: TestApi;
  let browser: TestBrowser;
  let page: Page;
  const troubles: string[] = [];
  const requested: string[] = [];

  beforeAll(async () => {
    fixture = await createFixture();
    await seedPlant(fixture.sql);
    api = await startTestApi(fixture.url);
    browser = await chromium.launch();
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
    await fixture?.close();
  });
  beforeEach(async () => {
    troubles.length = 0;
    requested.length = 0;
    page = await browser.context.newPage();
    await page.setViewportSize({ width: 1280, height: 900 });
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    page.on('request', (request) => requested.push(request.url()));
    await page.goto(api.url);
    await page.getByTestId(row('level')).waitFor();
  });
  afterEach(async () => {
    await page.close();
  });

  const row = (tag: string, device = 'plc-booster') => `tag-pump-station/${device}/${tag}`;
  const cell = (tag: string, name: string) => page.getByTestId(row(tag)).getByTestId(name);
  const read = async (place: Locator): Promise<string> => (await place.textContent()) ?? '';
  const textOf = (testId: string) => read(page.getByTestId(testId));

  /** Pixels of the chart that are drawn in the colour of the line. */
  const linePixels = (): Promise<number> =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#plot canvas');
      const context = canvas?.getContext('2d');
      if (!canvas || !context) return 0;
      const accent = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
      const wanted = [1, 3, 5].map((at) => Number.parseInt(accent.slice(at, at + 2), 16));
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (wanted.every((part, index) => Math.abs(part - (data[at + index] ?? 0)) < 8) && data[at + 3] === 255)
          count += 1;
      }
      return count;
    });

  test('it loads from its own host only, without an error or a violation of its policy', async () => {
    await page.getByTestId('verdict-doubled').getByText('0').waitFor();
    expect(new Set(requested.map((url) => new URL(url).origin))).toEqual(new Set([new URL(api.url).origin]));
    expect(troubles).toEqual([]);
  });

  test('values change as they are committed, and their age starts anew', async () => {
    const before = await read(cell('level', 'value'));
    await waitFor(
      async () => {
        await tick(fixture.sql, 'plc-booster');
        return (await read(cell('level', 'value'))) !== before;
      },
      { what: 'a new level' },
    );
    await waitFor(async () => /^(< 1|[0-9]) s$/.test(await read(cell('level', 'age'))), { what: 'a young age' });
  });

  test('a stopped device turns its tags bad, in word, mark and reason', async () => {
    await tick(fixture.sql, 'plc-booster', 201);
    const stopped = page.getByTestId(row('level'));
    await waitFor(async () => (await stopped.getAttribute('data-quality')) === 'bad');
    expect(await read(cell('level', 'value'))).toBe('—');
    expect(await read(cell('level', 'quality'))).toBe('bad · not-connected');
    expect(await stopped.locator('.quality').getAttribute('title')).toBe('no connection to the device');
    const group = page.getByTestId('device-pump-station/plc-booster');
    await waitFor(async () => (await read(group)).includes('12 of 12 tags bad'));
    await tick(fixture.sql, 'plc-booster');
    await waitFor(async () => (await stopped.getAttribute('data-quality')) === 'good');
  });

  test('a click on a tag draws its chart, which says what it was made from and goes on living', async () => {
    await page.getByTestId(row('level')).getByRole('button').click();
    expect(await textOf('chart-title')).toBe('level');
    await page.getByTestId('range-1h').click();
    await waitFor(async () => (await textOf('chart-note')).includes('each of'), { what: 'raw samples' });
    expect(await waitFor(linePixels, { what: 'the line' })).toBeGreaterThan(200);
    await page.getByTestId('range-24h').click();
    await waitFor(async () => (await textOf('chart-note')).includes('from one-minute summaries'), {
      what: 'summaries',
    });
    await waitFor(async () => (await linePixels()) > 200);
    await page.getByTestId('range-5m').click();
    const before = await textOf('chart-value');
    await waitFor(async () => {
      await tick(fixture.sql, 'plc-booster');
      return (await textOf('chart-value')) !== before;
    });
    expect(page.url()).toContain('range=5m');
  });

  test('text has a list of its changes in the place of a chart', async () => {
    await page.getByTestId(row('recipe', 'line-opcua')).getByRole('button').click();
    await waitFor(async () => /Recipe [A-D]/.test(await textOf('plot')));
  });

  test('the balance, the verdicts and the gateways say what the ledger says', async () => {
    await waitFor(async () => (await textOf('verdict-missing')) === '2');
    const [{ stored } = { stored: '' }] = await fixture.sql<{ stored: string }>(
      'select sum(stored) as stored from stream',
    );
    await waitFor(async () => (await textOf('balance-stored')).replaceAll('\u2009', '') === stored);
    await waitFor(async () => (await page.getByTestId('line-health').getAttribute('data-state')) === 'broken');
    const lost = page.getByTestId('gateway-remote-reservoir');
    expect(await lost.getAttribute('data-online')).toBe('false');
    expect(await read(lost)).toContain('tail unknown');
    expect(await lost.getByTestId('gateway-clock').getAttribute('title')).toContain('a time server has set its clock');
    expect(await page.getByTestId('gateway-pump-station').getByTestId('gateway-clock').isVisible()).toBe(false);
    const doubled = page.locator('.tile', { has: page.getByTestId('verdict-doubled') });
    await waitFor(async () => /^0 rows doubled .* counted .* ago$/.test((await doubled.getAttribute('title')) ?? ''));
    const offline = page.getByTestId('device-remote-reservoir/plc-reservoir');
    await waitFor(async () => (await read(offline)).includes('gateway offline'));
    expect(await textOf('balance-declared')).toMatch(/ \+ \?$/);
    expect(await page.getByTestId('balance-declared').getAttribute('title')).toContain(
      '1 loss declared without a count',
    );
    expect(await textOf('gateway-pump-station')).toContain('1 loss declared without a count');
    expect(await textOf('gateway-remote-reservoir')).not.toContain('without a count');
  });

  test('losses and anomalies are counted and listed', async () => {
    await waitFor(async () => (await textOf('dead-letters')) === '3');
    expect(await textOf('declarations')).toBe('2');
    expect(await textOf('anomalies')).toBe('1');
    await page.getByTestId('dead-letters').click();
    await page.getByText('Unexpected end of JSON input').waitFor();
    await page.getByTestId('declarations').click();
    await page.getByText('batches 900–909 of class process · the journal was full').waitFor();
  });

  test('the filter finds tags by device, name and description', async () => {
    await page.getByTestId('filter').fill('booster bearing');
    await waitFor(async () => (await page.locator('#tags tr[data-series]').count()) === 1);
    await page.getByTestId('filter').fill('no such tag');
    await page.getByText('No tag matches the filter.').waitFor();
  });

  test('all of it works from the keyboard', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('oven.zone-2');
    await waitFor(async () => (await page.locator('#tags tr[data-series]').count()) === 1);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await waitFor(async () => (await textOf('chart-title')) === 'oven.zone-2');
    await page.keyboard.press('Escape');
    await page.getByTestId('chart').waitFor({ state: 'hidden' });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('oven.zone-2');
  });

  test('names that look like markup are shown as they are', async () => {
    await fixture.sql(
      `update series set description = '<img src=x onerror="document.title=1">' where tag = 'frequency'`,
    );
    await fixture.sql(
      `insert into anomaly (at, gateway, kind, details) values (now(), 'pump-station', '<b>bold</b>', '{"a":"<i>x</i>"}')`,
    );
    await page.reload();
    await page.getByTestId(row('frequency', 'meter-main')).getByRole('button').click();
    await waitFor(async () => (await read(page.locator('#chart-description'))).startsWith('<img'));
    await page.getByTestId('anomalies').click();
    await page.getByText('<b>bold</b>').waitFor();
    await fixture.sql(`delete from anomaly where kind = '<b>bold</b>'`);
    expect(await page.title()).toBe('Fieldline');
  });

  test('it follows the scheme of the system, and fits a phone', async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).not.toBe(light);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });

  test('with the API away it says so, and goes on when it is back', async () => {
    const second = await startTestApi(fixture.url);
    await page.goto(second.url);
    await waitFor(async () => (await page.getByTestId('line-health').getAttribute('data-state')) === 'broken');
    await second.close();
    await waitFor(async () => (await page.getByTestId('line-health').getAttribute('data-state')) === 'away');
    const again = await startTestApi(fixture.url, { port: Number(new URL(second.url).port) });
    await waitFor(async () => (await page.getByTestId('line-health').getAttribute('data-state')) === 'broken');
    await page.close();
    await again.close();
  });

  test('with a token it asks for it once', async () => {
    const tokenFile = join(temporaryFolder(), 'token');
    writeFileSync(tokenFile, 'correct-horse-battery-staple');
    const closed = await startTestApi(fixture.url, { tokenFile });
    await page.goto(closed.url);
    await page.getByLabel('Token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('not the right one').waitFor();
    await page.getByLabel('Token').fill('correct-horse-battery-staple');
    await page.keyboard.press('Enter');
    await page.getByTestId(row('level')).waitFor();
    await page.close();
    await closed.close();
  });
});
