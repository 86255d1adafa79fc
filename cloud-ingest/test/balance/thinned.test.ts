/** Samples that a gateway took out of its full journal, and declared: they were read, and no batch will bring them. */
import { type Batch, batchVersion, type Declaration } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBalance } from '../../src/balance/balance.ts';
import { run } from '../../src/commands/dead-letters.ts';
import { openStore, type Store } from '../../src/store/connection.ts';
import { describeEachLine } from '../processor/each-line.ts';
import { Gateway, goodSample, type Sent, tagOf } from '../processor/line.ts';

const thinned = (samples: number | null, tag: string | null = 'a'): Declaration => ({
  kind: 'series',
  device: 'plc1',
  tag,
  from: 1,
  to: 2,
  samples,
  reason: 'thinned',
});
const samples = (count: number) => Array.from({ length: count }, (_, n) => goodSample(tagOf('a'), n));

describeEachLine('thinned samples in the balance on', { started: true }, (line) => {
  let store: Store;
  beforeEach(() => {
    store = openStore(line.config.database, 'test');
  });
  afterEach(() => store.close());

  /** In one transaction, or in one for each call. */
  const send = async (...records: readonly Sent[]): Promise<void> => {
    await line.send(...records);
    await line.settled();
  };
  const balance = async () => (await store.withSession(readBalance))[0];

  /** A stream of 100 read, 10 held back and 60 taken out of the first two batches of three, which the second declares. */
  const threeBatches = (gateway: Gateway, more: Partial<Batch> = {}): [Sent, Sent, Sent] => [
    gateway.batch(samples(5), { read: 40, filtered: 5, thinned: 30, ...more }),
    gateway.batch(samples(5), { read: 80, filtered: 10, declared: [thinned(45), thinned(15, 'b')], ...more }),
    gateway.batch(samples(20), { read: 100, filtered: 10, ...more }),
  ];
  const closed = {
    read: 100,
    filtered: 10,
    stored: 30,
    declared: 60,
    open: 0,
    uncountedLosses: 0,
    completeness: 30 / 90,
    closed: true,
  };

  test('are declared: the balance closes, and the share that is stored is what it is', async () => {
    await send(...threeBatches(new Gateway('gw')));
    expect(await balance()).toMatchObject({ ...closed, missingBatches: 0, deadBatches: 0 });
    expect(await line.query('SELECT count(*)::int AS n FROM dead_letter')).toEqual([{ n: 0 }]);
    expect(await line.query('SELECT count(*)::int AS n FROM anomaly')).toEqual([{ n: 0 }]);
  });

  test('of a class of its own count just the same', async () => {
    await send(...threeBatches(new Gateway('gw'), { class: 'energy' }));
    expect(await balance()).toMatchObject(closed);
  });

  test('are open until the batch that declares them has come, in whatever order', async () => {
    const [first, second, third] = threeBatches(new Gateway('gw'));
    await send(third, first);
    expect(await balance()).toMatchObject({ stored: 25, declared: 0, open: 65, missingBatches: 1, closed: false });
    await send(second);
    expect(await balance()).toMatchObject(closed);
  });

  test('are counted once, however often their batch comes', async () => {
    const [first, second, third] = threeBatches(new Gateway('gw'));
    await send(first, second, second, third);
    await send(second);
    expect(await balance()).toMatchObject({ ...closed, duplicate: 10, duplicateBatches: 2 });
    expect(await line.query('SELECT count(*)::int AS n FROM declaration')).toEqual([{ n: 2 }]);
  });

  test('are the only series whose loss is among what was read', async () => {
    const gateway = new Gateway('gw');
    const others = (['poll-missed', 'source-overflow', 'restart', 'memory-bound', 'too-large'] as const).map(
      (reason) => ({ ...thinned(7), reason }),
    );
    await send(gateway.batch(samples(4), { declared: others }), gateway.batch(samples(1)));
    expect(await balance()).toMatchObject({
      read: 5,
      stored: 5,
      declared: 0,
      open: 0,
      completeness: 1,
      closed: true,
    });
  });

  test('that nobody counted are told beside the balance, and stay open in it', async () => {
    const gateway = new Gateway('gw');
    await send(gateway.batch(samples(4), { read: 9, declared: [thinned(null)] }));
    expect(await balance()).toMatchObject({ declared: 0, open: 5, uncountedLosses: 1, closed: false });
  });

  test('are in the count of a range that is declared with the batches that declare them', async () => {
    const gateway = new Gateway('gw');
    threeBatches(gateway);
    await send(gateway.batch([], { read: 100, filtered: 10, declared: [dropped(gateway, 3, 90)] }));
    expect(await balance()).toMatchObject({ stored: 0, declared: 90, open: 0, closed: true });
  });

  const dropped = (gateway: Gateway, to: number, count: number | null): Declaration => ({
    kind: 'batches',
    stream: gateway.stream,
    from: 1,
    to,
    samples: count,
    reason: 'disk-bound',
  });

  test.each(['before', 'with', 'after'] as const)(
    'of a batch that was dropped and came all the same, %s the declaration, count once',
    async (when) => {
      const gateway = new Gateway('gw');
      const [first, second, third] = threeBatches(gateway);
      const last = gateway.batch([], { read: 100, filtered: 10, declared: [dropped(gateway, 3, 90)] });
      const orders = { before: [[second], [last]], with: [[last, second]], after: [[last], [second]] };
      for (const records of orders[when]) await send(...records);
      expect(await balance()).toMatchObject({ stored: 5, declared: 85, open: 0, closed: true });
      await send(first, third);
      expect(await balance()).toMatchObject(closed);
    },
  );

  test('stay counted when batches come of which nobody knew how many samples they had', async () => {
    const gateway = new Gateway('gw');
    const [first, second, third] = threeBatches(gateway);
    const last = gateway.batch([], { read: 100, filtered: 10, declared: [dropped(gateway, 1, null)] });
    await send(second, third, last);
    expect(await balance()).toMatchObject({ stored: 25, declared: 60, open: 5, uncountedLosses: 1 });
    await send(first);
    expect(await balance()).toMatchObject(closed);
  });

  test('are declared when a dead letter is redriven that declares them', async () => {
    const gateway = new Gateway('gw');
    const [first, second, third] = threeBatches(gateway);
    await send(first, newer(second), third);
    expect(await balance()).toMatchObject({ stored: 25, declared: 0, open: 65, deadBatches: 1 });
    await line.query('UPDATE dead_letter SET bytes = $1', [second.bytes]);
    for (let n = 0; n < 2; n++) await redriveAll();
    expect(await balance()).toMatchObject({ ...closed, deadBatches: 0, duplicate: 0 });
    await send(second);
    expect(await balance()).toMatchObject({ ...closed, duplicate: 5 });
  });

  /** As an agent of a later version would send it. */
  const newer = (sent: Sent): Sent => ({
    ...sent,
    bytes: Buffer.from(JSON.stringify({ ...JSON.parse(sent.bytes.toString()), v: batchVersion + 1 })),
  });
  const redriveAll = () =>
    run({
      config: line.config,
      args: ['redrive', '--all'],
      callOf: String,
      clock: systemClock,
      log: silentLog,
      signal: new AbortController().signal,
      say: () => {},
    });
});
