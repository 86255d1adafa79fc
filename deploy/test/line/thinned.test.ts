/** A gateway without a broker, until its journal is nearly full and thinned; then the broker comes. */
import { type Device, plantSchema } from '@fieldline/shared/config';
import { describeWith, mosquitto, type TestMosquitto, waitFor } from '@fieldline/shared/testing';
import type { Served } from '@fieldline/simulators';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { auditLedger, type Row, readRows } from './evidence.ts';
import { gateway, type Line, startLine } from './line.ts';

/** Slow enough for thinning to keep up on a busy machine until the agent finds the broker again. */
const everyMs = 100;
const thinToMs = 1_000;
const [device, alarm] = ['press', 'alarm-count'];
/** In words that compress badly, and in nothing but full requests: the least journal is full within seconds. */
const values = Array.from({ length: 120 }, (_, index) => ({
  name: `pressure-${index}`,
  address: index * 4,
  type: 'float64',
  signal: { kind: 'noise', mean: 100, deviation: 10, stepMs: 1 },
}));
const alarms = { name: alarm, table: 'input', address: 0, type: 'uint32', signal: { kind: 'counter', stepMs: 1 } };
const plantSettings = plantSchema.parse({
  plant: 'test-thinned',
  seed: 7,
  servers: [
    {
      protocol: 'modbus-tcp',
      name: 'modbus',
      port: 0,
      units: [{ name: device, unit: 1, points: [...values, alarms] }],
    },
  ],
});

const change = (devices: Device[]): Device[] =>
  devices.map((each) =>
    each.protocol === 'modbus'
      ? {
          ...each,
          everyMs,
          timeoutMs: 1_000,
          tags: each.tags.map((tag) => ({ ...tag, ...(tag.tag === alarm ? { class: 'alarm' } : { thinToMs }) })),
        }
      : each,
  );

/** Taken out before the broker comes: of several files of the journal, and of more intervals than a busy machine drops whole. */
const enoughThinned = 10_000;
/** Half of the longest round trip of a reading, and a little. */
const toleranceMicros = 600_000;

const declarationsSchema = z.object({
  items: z.array(z.looseObject({ reason: z.string(), samples: z.number().nullable() })),
});

const counts = z.looseObject({ read: z.int(), stored: z.int(), declared: z.int(), completeness: z.number() });
const balanceSchema = z.object({ gateways: z.tuple([counts]) });

type Loss = { readonly tag: string | null; readonly from: number; readonly to: number };

describeWith(mosquitto, 'a journal that is nearly full while there is no broker', () => {
  const closers: (() => Promise<void>)[] = [];
  let broker: TestMosquitto;
  let line: Line;
  let rows: readonly Row[];
  let brokerCameAt: number;

  beforeAll(async () => {
    broker = await mosquitto.start();
    closers.push(broker.close);
    await broker.stop();
    line = await startLine({
      brokerUrl: broker.url,
      plantSettings,
      change,
      uplink: { compression: 'none' },
      journal: { maxBytes: 1024 ** 2, flushMs: 100 },
    });
    closers.push(line.close);
    const thinned = () => line.agent.metric('fieldline_journal_thinned_samples_total');
    await waitFor(async () => (await thinned()) > enoughThinned, { timeoutMs: 60_000, what: 'a thinned journal' });
    brokerCameAt = Date.now() * 1_000;
    await broker.start();
    await line.flows();
    // An agent that is stopped sends what it can within seconds: on a busy machine that is not all of a backlog.
    await waitFor(async () => (await line.agent.metric('fieldline_journal_unconfirmed_batches')) < 60, {
      timeoutMs: 60_000,
      what: 'the backlog to be stored',
    });
    await line.settle();
    rows = await readRows(line.databaseUrl, gateway);
  }, 240_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  const get = async (path: string) => (await fetch(`http://127.0.0.1:${line.apiPort}/api/v1/${path}`)).json();
  const readBalance = async () => balanceSchema.parse(await get('balance')).gateways[0];
  const nameOf = (tag: string, value: unknown): string => `${tag} = ${String(value)}`;
  const withoutRow = (): Served[] => {
    const names = new Set(rows.map(({ tag, value }) => nameOf(tag, value)));
    return line.served.filter(({ point, value }) => !names.has(nameOf(point, value)));
  };

  it('closes the balance: what was read is a row or declared, and every stream is whole', async () => {
    const balance = await readBalance();
    expect(balance).toMatchObject({ open: 0, missingBatches: 0, rejected: 0, uncountedLosses: 0, closed: true });
    expect(balance.declared).toBeGreaterThan(enoughThinned);
    expect(balance.stored).toBe(rows.length);
    expect(balance.stored + balance.declared).toBe(balance.read);
    expect(balance.completeness).toBeCloseTo(rows.length / balance.read, 9);
    // The last reading was given up when the agent was stopped.
    const unread = line.served.length - balance.read;
    expect(unread).toBeGreaterThanOrEqual(0);
    expect(unread).toBeLessThanOrEqual(values.length + 1);
    const { wrongBatches, streams } = await auditLedger(line.databaseUrl, gateway);
    expect({ wrongBatches, holes: streams.map(({ holes }) => holes) }).toEqual({ wrongBatches: 0, holes: [0, 0] });
  });

  it('has a row of each value served, or a declaration of its tag and time; and no row that nobody served', async () => {
    const losses = await line.query<Loss>(
      `SELECT tag, (extract(epoch FROM from_time) * 1000000)::float8 AS from, (extract(epoch FROM to_time) * 1000000)::float8 AS to
       FROM fieldline.declaration WHERE kind = 'series' AND reason = 'thinned'`,
    );
    const isDeclared = ({ point, time }: Served): boolean =>
      losses.some(
        ({ tag, from, to }) =>
          (tag === null || tag === point) && time >= from - toleranceMicros && time <= to + toleranceMicros,
      );
    const end = Math.max(...rows.map(({ time }) => time));
    const dropped = await line.query(`SELECT FROM fieldline.declaration WHERE kind = 'batches'`);
    // What was dropped whole is declared by its numbers, and was the oldest of its class.
    const oldest = Math.min(...rows.filter(({ tag }) => tag !== alarm).map(({ time }) => time));
    const isDropped = ({ point, time }: Served): boolean => dropped.length > 0 && point !== alarm && time < oldest;
    const lost = withoutRow().filter((one) => !isDeclared(one) && !isDropped(one) && one.time < end - toleranceMicros);
    expect(lost.slice(0, 5), `${lost.length} of ${line.served.length} values`).toEqual([]);
    const served = new Set(line.served.map(({ point, value }) => nameOf(point, value)));
    expect(rows.filter(({ tag, value }) => !served.has(nameOf(tag, value))).slice(0, 5)).toEqual([]);
  });

  it('has all the alarms, and had them before the older rest', async () => {
    const end = Math.max(...rows.map(({ time }) => time));
    expect(withoutRow().filter(({ point, time }) => point === alarm && time < end - toleranceMicros)).toEqual([]);
    const backlog = await line.query<{ class: string; first: number; last: number }>(
      `SELECT class, min(record_offset)::int AS first, max(record_offset)::int AS last
       FROM fieldline.batch_log JOIN fieldline.stream ON stream.stream_no = batch >> 32
       WHERE to_time < TIMESTAMPTZ 'epoch' + ($1::int8 - 2000000) * INTERVAL '1 microsecond' GROUP BY class`,
      [brokerCameAt],
    );
    const of = new Map(backlog.map((each) => [each.class, each]));
    expect(of.get('alarm')?.last).toBeLessThan(of.get('process')?.first ?? 0);
  });

  it('keeps the whole time of what was thinned: a sample of each tag in each interval', () => {
    const ordinary = rows.filter(({ tag }) => tag !== alarm);
    // On a busy machine the oldest may have been dropped as well: the next test knows how many.
    const start = Math.min(...ordinary.map(({ time }) => time));
    const ofTag = Map.groupBy(ordinary, ({ tag }) => tag);
    expect(ofTag.size).toBe(values.length);
    for (const [tag, own] of ofTag) {
      const intervals = new Set(own.map(({ time }) => Math.floor(time / 1_000 / thinToMs)));
      const [first, end] = [start, brokerCameAt].map((time) => Math.floor(time / 1_000 / thinToMs));
      const all = Array.from({ length: (end ?? 0) - (first ?? 0) - 1 }, (_, index) => (first ?? 0) + 1 + index);
      expect(all.length).toBeGreaterThan(5);
      expect(
        all.filter((at) => !intervals.has(at)),
        tag,
      ).toEqual([]);
    }
  });

  it('tells it in the loss report, with the class', async () => {
    const { items } = declarationsSchema.parse(await get('declarations?limit=1000'));
    const thinned = items.filter(({ reason }) => reason === 'thinned');
    expect(thinned.length).toBeGreaterThan(0);
    for (const loss of thinned) expect(loss).toMatchObject({ kind: 'series', device, class: 'process', gateway });
    const dropped = items.filter(({ reason }) => reason !== 'thinned');
    for (const loss of dropped) expect(loss).toMatchObject({ kind: 'batches', reason: 'disk-bound', class: 'process' });
    const { declared } = await readBalance();
    expect(items.reduce((sum, { samples }) => sum + (samples ?? 0), 0)).toBe(declared);
  });
});
