import { chromium, describeWith, type TestBrowser, waitFor } from '@fieldline/shared/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createFixture, type Fixture, startTestApi, type TestApi } from '../api/fixture.ts';
import { keepRollups } from '../api/plant.ts';

/** Drawn at the left of the plot, in the order of drawing: the labels of the value axis. */
type Drawn = { readonly text: string; readonly left: number };

describeWith(chromium, 'the chart in a real browser', () => {
  let fixture: Fixture;
  let api: TestApi;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    fixture = await createFixture();
    const { sql } = fixture;
    await sql(`insert into gateway (gateway, online, state, state_at) values ('g', true, '{}', now())`);
    await sql(`insert into device values ('g', 'd', 'modbus')`);
    await sql(`insert into series (gateway, device, tag, type, described) values
      ('g', 'd', 'level', 'float64', true), ('g', 'd', 'still', 'float64', true), ('g', 'd', 'energy', 'uint32', true), ('g', 'd', 'volume', 'uint64', true)`);
    // The agent ran until 45 minutes ago, and again from 20 minutes ago on.
    await sql(`insert into stream (stream, gateway, first_received_at, last_received_at, last_seq) values
      (gen_random_uuid(), 'g', now() - interval '2 hours', now() - interval '45 minutes', 1),
      (gen_random_uuid(), 'g', now() - interval '20 minutes', now(), 1)`);
    const seconds = `extract(epoch from t - now() + interval '2 hours')::int4`;
    const insert = (tag: string, value: string, text: string, step: string, when: string) =>
      sql(`insert into sample (time, series_id, value, text, quality, batch)
        select t, series_id, ${value}, ${text}, 0, 1 from series, generate_series(now() - interval '2 hours', now(), interval '${step}') t
        where tag = '${tag}' and (${when})`);
    const running = `t < now() - interval '45 minutes' or t > now() - interval '20 minutes'`;
    await insert('level', `sin(extract(epoch from t) / 60)`, 'null', '4 seconds', running);
    // Said once at each start of the agent: it did not change, and nobody repeated it.
    const minutes = (from: number, to: number) =>
      `t between now() - interval '${from} minutes' and now() - interval '${to} minutes'`;
    await insert('still', '5', 'null', '5 minutes', `${minutes(81, 79)} or ${minutes(16, 14)}`);
    await insert('energy', `3000000000 + ${seconds}`, 'null', '10 seconds', running);
    await insert(
      'volume',
      `9223372036854775807`,
      `(9223372036854775807::numeric + (${seconds}))::text`,
      '10 seconds',
      running,
    );
    await sql(`insert into latest (series_id, time, value, text, quality, batch, updated_at)
      select distinct on (series_id) series_id, time, value, text, quality, batch, now() from sample order by series_id, time desc`);
    await keepRollups(sql);
    api = await startTestApi(fixture.url);
    browser = await chromium.launch();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await api?.close();
    await fixture?.close();
  });
  beforeEach(async () => {
    page = await browser.context.newPage();
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.addInitScript(() => {
      const drawn: { text: string; left: number }[] = [];
      Object.assign(window, { drawn });
      const { fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.fillText = function (text: string, x: number, y: number) {
        if (this.textAlign === 'right') drawn.push({ text, left: x - this.measureText(text).width });
        fillText.call(this, text, x, y);
      };
    });
    await page.goto(api.url);
    return () => page.close();
  });

  const open = async (tag: string, range: string, note: RegExp): Promise<void> => {
    await page.getByTestId(`tag-g/d/${tag}`).getByRole('button').click();
    await page.getByTestId(`range-${range}`).click();
    await waitFor(async () => note.test((await page.getByTestId('chart-note').textContent()) ?? ''), {
      what: `a note like ${note}`,
    });
  };

  /** Shares of the plot's width that have the line in them, in twelfths from the left: 1 where there is any. */
  const twelfths = (): Promise<number[]> =>
    page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#plot canvas');
      const over = document.querySelector<HTMLElement>('#plot .u-over');
      const context = canvas?.getContext('2d');
      if (!canvas || !over || !context) return [];
      const accent = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
      const wanted = [1, 3, 5].map((at) => Number.parseInt(accent.slice(at, at + 2), 16));
      const ratio = canvas.width / canvas.clientWidth;
      const [left, width] = [over.offsetLeft * ratio, over.clientWidth * ratio];
      return Array.from({ length: 12 }, (_, n) => {
        // The middle third of each: the ends of a silence fall on the borders.
        const { data } = context.getImageData(left + (width * (n + 1 / 3)) / 12, 0, width / 36, canvas.height);
        for (let at = 0; at < data.length; at += 4)
          if (wanted.every((part, index) => Math.abs(part - (data[at + index] ?? 0)) < 8) && data[at + 3] === 255)
            return 1;
        return 0;
      });
    });

  test('samples: the line breaks while no agent ran, and holds a value that nobody repeated', async () => {
    const line = (tag: string, shape: readonly number[]) =>
      waitFor(async () => (await twelfths()).join() === shape.join(), { what: `the line of ${tag}` });
    await open('level', '1h', /each of/);
    await line('level', [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    // Of the second run nothing is known before its first sample.
    await open('still', '1h', /each of 1 sample/);
    await line('still', [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
  });

  test('summaries: the line breaks where spans are empty because no agent ran', async () => {
    await open('level', '24h', /one-minute summaries/);
    // The axis is a fifth of the range at the least: 24 minutes a twelfth.
    await waitFor(async () => (await twelfths()).join() === '0,0,0,0,0,0,0,1,1,1,0,1', { what: 'a line with a gap' });
  });

  test.each(['energy', 'volume'])('the labels of the large counter %s differ and fit the axis', async (tag) => {
    await open(tag, '1h', /each of/);
    const labels = await waitFor(
      async () => {
        const drawn = await page.evaluate(() => Reflect.get(window, 'drawn') as Drawn[]);
        return drawn.length > 3 && drawn.slice(-4);
      },
      { what: 'labels' },
    );
    expect(new Set(labels.map(({ text }) => text)).size).toBe(labels.length);
    for (const { text, left } of labels) expect(left, text).toBeGreaterThanOrEqual(0);
    expect(await page.locator('.axis-offset').textContent()).toMatch(/^[\d\u2009]+ \+$/);
  });
});
