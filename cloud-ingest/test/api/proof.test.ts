import { waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { balanceSchema } from '../../src/api/balance.ts';
import { completenessSchema } from '../../src/api/completeness.ts';
import { deadLetterSchema } from '../../src/api/dead-letters.ts';
import { anomalySchema, declarationSchema } from '../../src/api/losses.ts';
import { createFixture, type Fixture, readPage, startTestApi, type TestApi } from './fixture.ts';
import { seedPlant, streams } from './plant.ts';

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

describe('proof', () => {
  test('completeness counts each batch number once: committed, dead, declared, held or missing', async () => {
    const { items } = await readPage(api, 'completeness', completenessSchema);
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
    const { items } = await readPage(api, 'completeness?gateway=remote-reservoir', completenessSchema);
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
    const { items, next } = await readPage(api, 'dead-letters?limit=2', deadLetterSchema);
    expect(items.map(({ code }) => code)).toEqual(['sample/time-out-of-window', 'batch/foreign-gateway']);
    const rest = await readPage(api, `dead-letters?limit=2&after=${next}`, deadLetterSchema);
    expect(rest.items.map(({ code }) => code)).toEqual(['batch/malformed']);
    expect(rest.next).toBeNull();
    const { body } = await api.get('/api/v1/dead-letters?code=batch/malformed');
    expect(body).toMatchObject({
      items: [{ sizeBytes: 7 }],
      counts: expect.arrayContaining([{ code: 'batch/malformed', count: 1, open: 1 }]),
    });
  });

  test('dead letters tell what became of them when they were redriven', async () => {
    const only = (state: string) => readPage(api, `dead-letters?state=${state}`, deadLetterSchema);
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
    const { items } = await readPage(api, 'dead-letters?code=batch/malformed', deadLetterSchema);
    const { body } = await api.get(`/api/v1/dead-letters/${items[0]?.id}`);
    const { bytesBase64, headers } = body as { bytesBase64: string; headers: unknown };
    expect(Buffer.from(bytesBase64, 'base64').toString()).toBe('{"v":1,');
    expect(headers).toEqual({ qos: '1' });
    expect((await api.get('/api/v1/dead-letters/999999')).status).toBe(404);
  });

  test('declared losses say what, why and how many; anomalies say what was noticed', async () => {
    const losses = await readPage(api, 'declarations', declarationSchema);
    expect(losses.items).toMatchObject([
      { kind: 'series', reason: 'restart', samples: null, device: 'plc-booster', tag: null, class: null },
      {
        ...{ kind: 'batches', reason: 'disk-bound', samples: 1_000, fromSeq: 900, toSeq: 909 },
        ...{ stream: streams.first, class: 'process' },
      },
    ]);
    const anomalies = await readPage(api, 'anomalies?gateway=remote-reservoir', anomalySchema);
    expect(anomalies.items).toMatchObject([{ kind: 'forked-stream', details: { seq: 417 } }]);
    expect((await readPage(api, 'anomalies?gateway=pump-station', anomalySchema)).items).toEqual([]);
  });
});
