import { waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { balanceSchema } from '../../src/api/balance.ts';
import { completenessSchema } from '../../src/api/completeness.ts';
import { deadLetterSchema } from '../../src/api/dead-letters.ts';
import { deviceSchema, gatewaySchema } from '../../src/api/gateways.ts';
import { latestSchema } from '../../src/api/latest.ts';
import { anomalySchema, declarationSchema } from '../../src/api/losses.ts';
import { pageSchema } from '../../src/api/page-of.ts';
import { problemSchema } from '../../src/api/problem.ts';
import { tagSchema } from '../../src/api/tags.ts';
import { createFixture, type Fixture, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant, streams, tags } from './plant.ts';

let fixture: Fixture;
let api: TestApi;
beforeAll(async () => {
  fixture = await createFixture();
  await seedPlant(fixture.sql);
  api = await startTestApi(fixture.url);
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
});

/** The schemas are strict: a reply that they take is what the OpenAPI document promises. */
async function page<Item extends z.ZodType>(path: string, item: Item) {
  const { status, body } = await api.get(`/api/v1/${path}`);
  expect(status).toBe(200);
  const { items, next } = body as { items: unknown[]; next: string | null };
  return pageSchema(item).parse({ items, next });
}

describe('gateways and devices', () => {
  test('a gateway tells whether it is there, what it holds and how much hangs on it', async () => {
    const { items } = await page('gateways', gatewaySchema);
    expect(
      items.map(({ gateway, online, reason, devices, tags, streams, heldBatches }) => ({
        gateway,
        online,
        reason,
        devices,
        tags,
        streams,
        heldBatches,
      })),
    ).toEqual([
      {
        gateway: 'pump-station',
        online: true,
        reason: 'running',
        devices: 4,
        tags: tags.length,
        streams: 2,
        heldBatches: 3,
      },
      { gateway: 'remote-reservoir', online: false, reason: 'lost', devices: 1, tags: 12, streams: 1, heldBatches: 3 },
    ]);
  });

  test('pages follow each other without a gap or a repetition', async () => {
    const first = await page('gateways?limit=1', gatewaySchema);
    expect(first.next).toBe('pump-station');
    const second = await page(`gateways?limit=1&after=${first.next}`, gatewaySchema);
    expect(second.items.map(({ gateway }) => gateway)).toEqual(['remote-reservoir']);
    expect(second.next).toBeNull();
  });

  test('a device tells how many of its tags are good, uncertain and bad', async () => {
    const { items } = await page('gateways/pump-station/devices', deviceSchema);
    const counts = items.map(({ device, protocol, good, uncertain, bad }) => [device, protocol, good, uncertain, bad]);
    expect(counts).toEqual([
      ['line-opcua', 'opcua', 3, 0, 2],
      ['meter-main', 'modbus', 5, 1, 0],
      ['plc-booster', 'modbus', 12, 0, 0],
      ['plc-wet-well', 'modbus', 12, 0, 0],
    ]);
  });

  test('an unknown gateway is not found, and the answer says where the known ones are', async () => {
    for (const path of ['gateways/nowhere/devices', 'completeness?gateway=nowhere']) {
      const { status, body } = await api.get(`/api/v1/${path}`);
      expect(status).toBe(404);
      expect(body).toMatchObject({ code: 'request/not-found', detail: expect.stringContaining('/api/v1/gateways') });
    }
  });
});

describe('tags and latest values', () => {
  test('all tags come, page by page, in order and each once', async () => {
    const seen: string[] = [];
    let after: string | null = '';
    while (after !== null) {
      const path: string = `tags?limit=10${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
      const { items, next } = await page(path, tagSchema);
      expect(items.length).toBeLessThanOrEqual(10);
      seen.push(...items.map(({ gateway, device, tag }) => `${gateway}/${device}/${tag}`));
      after = next;
    }
    expect(seen).toHaveLength(tags.length + 12);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('text is searched in device, tag and description, and is no pattern', async () => {
    const names = async (text: string) =>
      (await page(`tags?gateway=pump-station&text=${encodeURIComponent(text)}`, tagSchema)).items.map(({ tag }) => tag);
    expect(await names('OVEN')).toEqual(['oven.zone-1', 'oven.zone-2']);
    expect(await names('commissioning')).toEqual(['energy-import', 'pump-1.starts', 'pump-1.starts']);
    expect(await names('%')).toEqual([]);
    expect(await names('pump_1')).toEqual([]);
  });

  test('a latest value carries quality, age and the batch that brought it', async () => {
    const { items } = await page('latest?device=meter-main&text=frequency', latestSchema);
    expect(items).toHaveLength(1);
    const [frequency] = items;
    expect(frequency?.quality).toEqual({ code: 103, name: 'uncertain/implausible', class: 'uncertain' });
    expect(frequency?.ageMs).toBe(Math.round(frequency?.ageMs ?? Number.NaN));
    expect(frequency?.ageMs).toBeGreaterThan(0);
    expect(frequency?.batch).toEqual({ stream: streams.second, seq: 100 });
  });

  test('64-bit integers keep every bit, booleans are booleans, bad is null', async () => {
    const { items } = await page('latest?gateway=pump-station', latestSchema);
    const value = (tag: string, device?: string) =>
      items.find((item) => item.tag === tag && (device === undefined || item.device === device))?.value;
    expect(value('energy-import')).toBe('18446744073709551615');
    expect(value('pieces')).toBe('9007199254740993');
    expect(value('pump-1.running')).toBeTypeOf('boolean');
    expect(value('recipe')).toMatch(/^Recipe [A-D]$/);
    expect(value('oven.zone-1')).toBeNull();
    const number = value('level');
    const [row] = await fixture.sql<{ value: number }>(
      `select value from latest join series using (series_id) where tag = 'level' and device = 'plc-booster'`,
    );
    expect(number).toBe(row?.value);
  });

  test('the meaning of each quality can be asked for', async () => {
    const { body } = await api.get('/api/v1/qualities');
    expect((body as { items: unknown[] }).items).toContainEqual({
      code: 202,
      name: 'bad/timeout',
      class: 'bad',
      meaning: 'the device did not answer in time',
    });
  });
});

describe('proof', () => {
  test('completeness counts each batch number once: committed, dead, declared, held or missing', async () => {
    const { items } = await page('completeness', completenessSchema);
    const [pump, reservoir] = items;
    expect(pump).toMatchObject({
      batches: 2_840,
      committed: 989 + 1_837,
      deadLettered: 1,
      declared: 10,
      held: 3,
      missing: 0,
      tailUnknown: false,
      anomalies: 0,
      declarations: 2,
      uncountedLosses: 1,
      streamsOmitted: 0,
    });
    expect(reservoir).toMatchObject({
      batches: 520,
      committed: 515,
      held: 3,
      missing: 2,
      tailUnknown: true,
      anomalies: 1,
      uncountedLosses: 0,
    });
    expect(reservoir?.streams[0]).toMatchObject({
      stream: streams.lost,
      class: 'alarm',
      missingRanges: [[501, 502]],
      tailUnknown: true,
    });
    expect(pump?.streams.map(({ stream }) => stream)).toEqual([streams.second, streams.first]);
    for (const { batches, committed, deadLettered, declared, held, missing } of items) {
      expect(committed + deadLettered + declared + held + missing).toBe(batches);
    }
  });

  test('one gateway can be asked for', async () => {
    const { items } = await page('completeness?gateway=remote-reservoir', completenessSchema);
    expect(items.map(({ gateway }) => gateway)).toEqual(['remote-reservoir']);
  });

  test('the balance closes: what was read is in exactly one of the other places', async () => {
    const balance = balanceSchema.parse((await api.get('/api/v1/balance')).body);
    const { read, filtered, stored, rejected, declared, open } = balance;
    expect(read).toBe(filtered + stored + rejected + declared + open);
    expect(balance).toMatchObject({ duplicate: 1_800, missing: 2, uncountedLosses: 1 });
    expect(balance.gateways).toMatchObject([
      { gateway: 'pump-station', uncountedLosses: 1 },
      { gateway: 'remote-reservoir', uncountedLosses: 0 },
    ]);
  });

  test('rows that are there twice are found by counting them, not by asking the ledger', async () => {
    const batch = `7::int8 << 32 | 1`;
    await fixture.sql(`insert into batch_log (received_at, batch, record_offset, from_time, to_time, partition, samples, stored, rejected, topic)
      values (now(), ${batch}, 1, now(), now(), 0, 2, 2, 0, 'fieldline/pump-station/batch')`);
    const insert = `insert into sample (time, value, batch, series_id, quality) select from_time, 1, batch, 1, 0 from batch_log, generate_series(1, 2)`;
    await fixture.sql(insert);
    const doubled = async () => balanceSchema.parse((await api.get('/api/v1/balance')).body).doubled;
    await waitFor(async () => (await doubled()) === 0, { what: 'a first count without doubles' });
    await fixture.sql(insert);
    await waitFor(async () => (await doubled()) === 2, { what: 'the two rows too many' });
    await fixture.sql(`delete from sample where batch = ${batch}`);
  });

  test('dead letters come newest first, with how many there are of each code', async () => {
    const { items, next } = await page('dead-letters?limit=2', deadLetterSchema);
    expect(items.map(({ code }) => code)).toEqual(['sample/time-out-of-window', 'batch/foreign-gateway']);
    const rest = await page(`dead-letters?limit=2&after=${next}`, deadLetterSchema);
    expect(rest.items.map(({ code }) => code)).toEqual(['batch/malformed']);
    expect(rest.next).toBeNull();
    const { body } = await api.get('/api/v1/dead-letters?code=batch/malformed');
    expect(body).toMatchObject({
      items: [{ sizeBytes: 7 }],
      counts: expect.arrayContaining([{ code: 'batch/malformed', count: 1, open: 1 }]),
    });
  });

  test('dead letters tell what became of them when they were redriven', async () => {
    const only = (state: string) => page(`dead-letters?state=${state}`, deadLetterSchema);
    await fixture.sql(`update dead_letter set attempts = 2, attempted_at = '2026-03-02T10:00:00.000001Z',
      redriven_at = case when code = 'batch/malformed' then timestamptz '2026-03-02T10:00:00.000001Z' end,
      redriven = case when code = 'batch/malformed' then '{}' else '{[3,5),[7,8)}'::int8multirange end
      where code <> 'batch/foreign-gateway'`);
    expect((await only('redriven')).items).toMatchObject([
      { code: 'batch/malformed', attempts: 2, redrivenAt: '2026-03-02T10:00:00.000001Z', redrivenSamples: 0 },
    ]);
    expect((await only('open')).items).toMatchObject([
      { attempts: 2, attemptedAt: '2026-03-02T10:00:00.000001Z', redrivenAt: null, redrivenSamples: 3 },
      { code: 'batch/foreign-gateway', attempts: 0, attemptedAt: null, redrivenAt: null, redrivenSamples: 0 },
    ]);
    expect((await only('all')).items).toHaveLength(3);
    const { body } = await api.get('/api/v1/dead-letters');
    expect(body).toMatchObject({ counts: expect.arrayContaining([{ code: 'batch/malformed', count: 1, open: 0 }]) });
    await fixture.sql(`update dead_letter set attempts = 0, attempted_at = null, redriven_at = null, redriven = '{}'`);
  });

  test('one dead letter comes with its bytes as they were', async () => {
    const { items } = await page('dead-letters?code=batch/malformed', deadLetterSchema);
    const { body } = await api.get(`/api/v1/dead-letters/${items[0]?.id}`);
    const { bytesBase64, headers } = body as { bytesBase64: string; headers: unknown };
    expect(Buffer.from(bytesBase64, 'base64').toString()).toBe('{"v":1,');
    expect(headers).toEqual({ qos: '1' });
    expect((await api.get('/api/v1/dead-letters/999999')).status).toBe(404);
  });

  test('declared losses say what, why and how many; anomalies say what was noticed', async () => {
    const losses = await page('declarations', declarationSchema);
    expect(losses.items).toMatchObject([
      { kind: 'series', reason: 'restart', samples: null, device: 'plc-booster', tag: null, class: null },
      {
        ...{ kind: 'batches', reason: 'disk-bound', samples: 1_000, fromSeq: 900, toSeq: 909 },
        ...{ stream: streams.first, class: 'process' },
      },
    ]);
    const anomalies = await page('anomalies?gateway=remote-reservoir', anomalySchema);
    expect(anomalies.items).toMatchObject([{ kind: 'forked-stream', details: { seq: 417 } }]);
    expect((await page('anomalies?gateway=pump-station', anomalySchema)).items).toEqual([]);
  });
});

describe('bad input', () => {
  test('every parameter that is wrong is named, with what would be right', async () => {
    const { status, headers, body } = await api.get('/api/v1/history?seriesId=x&from=yesterday&maxPoints=0&colour=red');
    expect(status).toBe(400);
    expect(headers.get('content-type')).toContain('application/problem+json');
    const { code, parameters } = body as { code: string; parameters: { parameter: string; message: string }[] };
    expect(code).toBe('request/invalid');
    expect(parameters.map(({ parameter }) => parameter).sort()).toEqual(['colour', 'from', 'maxPoints', 'seriesId']);
    expect(parameters.find(({ parameter }) => parameter === 'from')?.message).toContain('2026-03-01T12:00:00Z');
    expect(parameters.find(({ parameter }) => parameter === 'colour')?.message).toContain('here are seriesId, gateway');
  });

  test.each([
    ['tags?limit=0', 'limit'],
    ['tags?limit=100000', 'limit'],
    ['tags?gateway=no%2Fslash', 'gateway'],
    ['latest?text=', 'text'],
    ['latest?gateway=a&gateway=b', 'gateway'],
    ['history', 'seriesId'],
    ['history?gateway=pump-station&device=x', 'seriesId'],
    ['history?seriesId=1&tag=level', 'seriesId'],
    ['history?seriesId=1&from=2026-03-02&to=2026-03-01', 'from'],
    ['history?seriesId=99999999999', 'seriesId'],
    ['dead-letters?after=x', 'after'],
    ['dead-letters/x', 'id'],
    ['live?device=%00', 'device'],
    ['tags?text=%00', 'text'],
    ['tags?after=%00', 'after'],
    ['history?seriesId=1&from=0001-01-01', 'from'],
    ['history?seriesId=1&to=9999-12-31', 'to'],
    ['history?seriesId=1&from=2026-02-30', 'from'],
  ])('%s is refused because of %s', async (path, parameter) => {
    const { status, body } = await api.get(`/api/v1/${path}`);
    expect(status).toBe(400);
    expect((body as { parameters: { parameter: string }[] }).parameters.map((one) => one.parameter)).toContain(
      parameter,
    );
  });

  test('the ends of the times that may be asked for can be asked for', async () => {
    expect((await api.get('/api/v1/history?seriesId=1&from=1970-01-01&to=2200-01-01')).status).toBe(200);
    expect((await api.get('/api/v1/history?seriesId=1&to=1970-01-01')).status).toBe(200);
    const { body } = await api.get('/api/v1/history?seriesId=1&to=9999-12-31');
    expect(body).toMatchObject({ parameters: [{ message: 'must be from 1970-01-01 to 2200-01-01' }] });
  });

  test('a parameter that stands there twice is not called missing', async () => {
    const { body } = await api.get('/api/v1/latest?gateway=a&gateway=b');
    expect(body).toMatchObject({
      parameters: [{ parameter: 'gateway', message: 'stands there 2 times; give it once' }],
    });
    const missing = await api.get('/api/v1/completeness?gateway=');
    expect(missing.body).not.toMatchObject({ parameters: [{ message: expect.stringContaining('missing') }] });
  });

  test('an address that cannot be read or is too long is a problem as any other', async () => {
    for (const [path, status] of [
      ['/api/v1/%ZZ', 400],
      [`/api/v1/gateways/${'x'.repeat(2_000)}/devices`, 404],
      [`/api/v1/tags?text=${'x'.repeat(20_000)}`, 431],
    ] as const) {
      const reply = await api.get(path);
      expect(reply.status).toBe(status);
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(problemSchema.parse(reply.body)).toMatchObject({ status, retryable: false });
    }
  });

  test('a route that is not there is not found, nor is one that would leave the folder of the page', async () => {
    expect((await api.get('/api/v1/nothing')).body).toMatchObject({ code: 'request/not-found' });
    for (const path of ['/tsconfig.json', '/..%2fpackage.json', '/vendor/uplot/uPlot.d.ts', '/.git/config']) {
      expect((await api.get(path)).status).toBe(404);
    }
  });

  test('nothing here writes: other methods are not found, and the connection is read-only', async () => {
    expect((await api.get('/api/v1/tags', { method: 'DELETE' })).status).toBe(404);
    expect(
      (await api.get('/api/v1/tags', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBeLessThan(500);
  });
});

test('every answer forbids sniffing and framing; scripts come from here only', async () => {
  for (const path of ['/', '/api/v1/gateways', '/nothing']) {
    const { headers } = await api.get(path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  }
});
