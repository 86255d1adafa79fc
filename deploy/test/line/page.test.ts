import type { Device } from '@fieldline/shared/config';
import { chromium, describeWith, startAedes, type TestBrowser, waitFor } from '@fieldline/shared/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gateway, type Line, startLine } from './line.ts';

describeWith(chromium, 'the page over the running line', () => {
  const closers: (() => Promise<void>)[] = [];
  let line: Line;
  let page: Page;

  beforeAll(async () => {
    const broker = await startAedes();
    closers.push(broker.close);
    // A silent device is left alone for fifty times what it costs its neighbour to be asked in vain.
    const quick = (device: Device): Device => (device.protocol === 'modbus' ? { ...device, timeoutMs: 400 } : device);
    line = await startLine({
      brokerUrl: broker.url,
      devices: ['plc', 'meter'],
      change: (devices) => devices.map(quick),
    });
    closers.push(line.close);
    await line.flows();
    const browser: TestBrowser = await chromium.launch();
    closers.push(browser.close);
    page = await browser.context.newPage();
    await page.goto(`http://127.0.0.1:${line.apiPort}/`);
    await tag('float32').waitFor();
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  const tag = (name: string, device = 'plc') => page.getByTestId(`tag-${gateway}/${device}/${name}`);
  const shown = async (testId: string): Promise<string> => (await page.getByTestId(testId).textContent()) ?? '';
  const textOf = async (name: string, part: string): Promise<string> =>
    (await tag(name).getByTestId(part).textContent()) ?? '';

  it('shows values that change', async () => {
    const before = await textOf('float32', 'value');
    await waitFor(async () => (await textOf('float32', 'value')) !== before, { what: 'another value' });
  });

  it('shows 64-bit values to their last digit', async () => {
    const row = await waitFor(
      async () =>
        (
          await line.query<{ text: string }>(
            "SELECT text FROM fieldline.latest JOIN fieldline.series USING (series_id) WHERE tag = 'uint64' AND text IS NOT NULL",
          )
        )[0],
      { what: 'a good value' },
    );
    const shown = await waitFor(async () => (await textOf('uint64', 'value')).replace(/\D/g, ''), { what: 'a value' });
    expect(shown).toHaveLength(row.text.length);
    expect(BigInt(shown)).toBeGreaterThanOrEqual(BigInt(row.text) - 1_000n);
  });

  it('draws the chart of a tag', async () => {
    await tag('float32').click();
    await page.getByTestId('chart').waitFor();
    await waitFor(async () => (await shown('chart-title')).includes('float32'), { what: 'the title of the chart' });
    await waitFor(() => page.locator('#plot canvas').count(), { what: 'the chart' });
  });

  it('shows a balance that closes', async () => {
    await waitFor(async () => (await shown('verdict-missing')) === '0', { what: 'nothing missing' });
    await waitFor(async () => (await shown('verdict-doubled')) === '0', { what: 'nothing doubled' });
  });

  it('shows the tags of a stopped device bad, those of the other good, and good again when it is back', async () => {
    await line.plant.faults.set({ server: 'modbus', part: 'plc' }, { kind: 'no-answer' });
    await waitFor(async () => (await textOf('float32', 'quality')).includes('bad'), {
      what: 'bad quality',
    });
    expect(await tag('power', 'meter').getByTestId('quality').textContent()).toContain('good');
    await line.plant.faults.clear();
    await waitFor(async () => (await textOf('float32', 'quality')).includes('good'), {
      timeoutMs: 60_000,
      what: 'good quality',
    });
  }, 120_000);
});
