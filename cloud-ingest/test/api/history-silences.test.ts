import { describeWith } from '@fieldline/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { historySchema } from '../../src/api/history/schemas.ts';
import { type Ran, silencesOf } from '../../src/api/history/silences.ts';
import { isoOf } from '../../src/instant.ts';
import { editionsUnderTest, openTestStore, type TestStore } from '../store/editions.ts';
import { startTestApi, type TestApi } from './fixture.ts';

const minuteUs = 60_000_000;
const nowUs = Math.floor(Date.now() / 60_000) * minuteUs;
/** Minutes before now, as µs since 1970. */
const ago = (minutes: number): number => nowUs - minutes * minuteUs;

describe('silences of a range', () => {
  const ran = (since: number, until: number, online = false): Ran => ({ since, until, online });
  const range = { from: 0, to: 100 };

  test.each([
    ['between two runs', [ran(-10, 20), ran(30, 120)], [[20, 30]]],
    [
      'before the first and behind the last',
      [ran(10, 90)],
      [
        [0, 10],
        [90, 100],
      ],
    ],
    ['not behind a run that goes on', [ran(-5, 50, true)], []],
    ['not where runs overlap, in whatever order', [ran(40, 110), ran(-5, 50)], []],
    ['not of a gateway without streams, of which nothing can be told', [], []],
    ['not beyond the range', [ran(-50, -20), ran(120, 150)], [[0, 100]]],
  ])('are %s', (_, runs, silences) => {
    expect(silencesOf(runs, range)).toEqual(silences);
  });

  test('of what lies behind too many starts nothing is claimed', () => {
    expect(silencesOf([ran(-10, 20), ran(30, 40)], range, true)).toEqual([[20, 30]]);
  });
});

describe.each(editionsUnderTest)('history on $name', ({ kind, requirement }) => {
  describeWith(requirement, 'knows when no agent ran', () => {
    let store: TestStore;
    let api: TestApi;
    beforeAll(async () => {
      store = await openTestStore(kind);
      await store.query(`insert into gateway (gateway, online) values ('g', true), ('stopped', false)`);
      await store.query(
        `insert into series (gateway, device, tag, type) values ('g', 'd', 't', 'float64'), ('stopped', 'd', 't', 'float64')`,
      );
      api = await startTestApi(store.database.url);
    });
    afterAll(async () => {
      await api?.close();
      await store?.close();
    });

    /** A stream with batches that were sampled and received at these times. */
    async function stream(gateway: string, batches: readonly { from: number; to: number; received: number }[]) {
      const received = batches.map((batch) => batch.received);
      const [row] = await store.query<{ no: number }>(
        `insert into stream (stream, gateway, first_received_at, last_received_at, last_seq)
         values (gen_random_uuid(), $1, $2, $3, $4) returning stream_no as no`,
        [gateway, isoOf(Math.min(...received)), isoOf(Math.max(...received)), batches.length],
      );
      for (const [index, batch] of batches.entries()) {
        await store.query(
          `insert into batch_log (received_at, batch, record_offset, from_time, to_time, partition, samples, stored, rejected, topic)
           values ($1, $2::int8 << 32 | $3, 0, $4, $5, 0, 1, 1, 0, 'fieldline.raw')`,
          [isoOf(batch.received), row?.no, index + 1, isoOf(batch.from), isoOf(batch.to)],
        );
      }
    }

    const silencesOfTag = async (gateway: string) => {
      const query = `gateway=${gateway}&device=d&tag=t&from=${ago(60)}&to=${nowUs}`;
      return historySchema.parse((await api.get(`/api/v1/history?${query}`)).body).silences;
    };

    test('by the times of the samples, though a batch that was left over came with the next start', async () => {
      await stream('g', [
        { from: ago(120), to: ago(50), received: ago(50) },
        { from: ago(50), to: ago(40), received: ago(20) },
      ]);
      await stream('g', [{ from: ago(21), to: ago(10), received: ago(10) }]);
      expect(await silencesOfTag('g')).toEqual([[ago(40), ago(21)]]);
    });

    test('up to now when it has stopped, by the reception where retention has taken the log', async () => {
      await stream('stopped', [
        { from: ago(120), to: ago(100), received: ago(90) },
        { from: ago(100), to: ago(30), received: ago(29) },
      ]);
      await store.query(`delete from batch_log where from_time >= $1`, [isoOf(ago(120))]);
      expect(await silencesOfTag('stopped')).toEqual([
        [ago(120), ago(90)],
        [ago(29), nowUs],
      ]);
    });
  });
});
