import { requirePostgres, waitFor } from '@fieldline/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBalance } from '../../src/balance/balance.ts';
import { openStore, type Store } from '../../src/store/connection.ts';
import { Gateway, goodSample, type Line, openLine, type Sent, tagOf } from '../processor/line.ts';

describe('the message balance', () => {
  let line: Line;
  let store: Store;
  beforeEach(async () => {
    line = await openLine(await requirePostgres());
    store = openStore(line.config.database, 'test');
    await line.start();
  });
  afterEach(async () => {
    await store.close();
    await line.close();
  });

  const balance = async () => {
    await line.settled();
    const [first] = await store.withSession(readBalance);
    return first;
  };
  const samples = (count: number) => Array.from({ length: count }, (_, n) => goodSample(tagOf('a'), n));

  test('closes when everything that was read is stored, filtered, a dead letter or declared', async () => {
    const gateway = new Gateway('gw');
    const whole = gateway.batch(samples(10), { read: 14, filtered: 4 });
    gateway.batch(samples(5));
    const declared = [
      { kind: 'batches', stream: gateway.stream, from: 2, to: 2, samples: 5, reason: 'age-bound' },
    ] as const;
    const last = gateway.batch([...samples(2), goodSample(tagOf('a'), 1, 1)], { read: 24, filtered: 6, declared });
    await line.send(whole, whole, last);
    expect(await balance()).toMatchObject({
      gateway: 'gw',
      read: 24,
      filtered: 6,
      received: 23,
      stored: 12,
      duplicate: 10,
      rejected: 1,
      declared: 5,
      open: 0,
      missingBatches: 0,
      completeness: 12 / 18,
      closed: true,
    });
    expect(await line.query('SELECT count(*)::int AS n FROM sample')).toEqual([{ n: 12 }]);
  });

  test('is open while a batch is missing, and tells how much was in it', async () => {
    const gateway = new Gateway('gw');
    const [first, second, third] = [gateway.batch(samples(3)), gateway.batch(samples(4)), gateway.batch(samples(5))];
    await line.send(
      first,
      third,
      gateway.state({ streams: [{ stream: gateway.stream, first: 1, last: 3, held: [[2, 3]] }] }),
    );
    expect(await balance()).toMatchObject({
      read: 12,
      stored: 8,
      open: 4,
      missingBatches: 1,
      heldBatches: 1,
      closed: false,
    });
    await line.send(second);
    expect(await balance()).toMatchObject({ stored: 12, open: 0, missingBatches: 0, closed: true });
  });

  test('takes no batch whose counts contradict each other: it is a dead letter, and acknowledged as one', async () => {
    const gateway = new Gateway('gw');
    await line.send(
      gateway.batch(samples(3)),
      gateway.batch(samples(3), { read: 2, filtered: 0 }),
      gateway.batch(samples(2)),
    );
    expect(await balance()).toMatchObject({
      read: 8,
      stored: 5,
      open: 3,
      deadBatches: 1,
      missingBatches: 0,
      completeness: 5 / 8,
    });
    expect(await line.query('SELECT code, reason FROM dead_letter')).toEqual([
      { code: 'batch/malformed', reason: 'read is 2, less than filtered 0 + samples 3' },
    ]);
    await waitFor(() => line.acks.at(-1)?.streams[0]?.committed.at(-1)?.at(-1) === 3);
  });

  test('tells beside its completeness the losses that state no number of samples', async () => {
    const gateway = new Gateway('gw');
    const restart = {
      kind: 'series',
      device: null,
      tag: null,
      from: 1,
      to: 2,
      samples: null,
      reason: 'restart',
    } as const;
    await line.send(gateway.batch(samples(4), { declared: [restart] }), gateway.batch(samples(1)));
    expect(await balance()).toMatchObject({ stored: 5, open: 0, completeness: 1, closed: true, uncountedLosses: 1 });
  });

  test('counts once what was declared in parts, and as a whole later, also where a batch of it came', async () => {
    const gateway = new Gateway('gw');
    const [, second] = [1, 2, 3, 4].map((count) => gateway.batch(samples(count)));
    const lost = (from: number, to: number, count: number) =>
      ({ kind: 'batches', stream: gateway.stream, from, to, samples: count, reason: 'journal-damaged' }) as const;
    const parts = gateway.batch(samples(1), { declared: [lost(1, 2, 3), lost(2, 2, 2), lost(4, 4, 4)] });
    await line.send(parts);
    expect(await balance()).toMatchObject({ stored: 1, declared: 7, open: 3 });
    await line.send(second as NonNullable<typeof second>);
    await line.send(gateway.batch([], { declared: [lost(1, 4, 10)] }));
    expect(await balance()).toMatchObject({
      read: 11,
      stored: 3,
      declared: 8,
      open: 0,
      missingBatches: 0,
      closed: true,
    });
    await line.send(gateway.batch([], { declared: [lost(1, 4, 10), lost(1, 2, 3)] }));
    expect(await balance()).toMatchObject({ declared: 8, open: 0, closed: true });
  });

  test('closes over the end of a stream that was declared, and of which some came before or comes later', async () => {
    const before = new Gateway('gw');
    const [first, second, third, fourth] = [1, 2, 3, 4].map((count) => before.batch(samples(count))) as [
      Sent,
      Sent,
      Sent,
      Sent,
    ];
    const { stream } = before;
    const after = new Gateway('gw', { stream, lastSeq: 5 });
    const counts = { read: 20, filtered: 5 };
    const lost = { kind: 'batches', stream, from: 2, to: 5, samples: 14, reason: 'disk-bound', counts } as const;
    await line.send(first, third, after.batch(samples(2), { declared: [lost] }));
    expect(await balance()).toMatchObject({ read: 22, filtered: 5, stored: 6, declared: 11, open: 0, closed: true });
    await line.send(fourth, second);
    expect(await balance()).toMatchObject({ read: 22, filtered: 5, stored: 12, declared: 5, open: 0, closed: true });
  });

  test('takes a batch that came all the same for no loss, whatever was declared of it', async () => {
    const gateway = new Gateway('gw');
    const late = gateway.batch(samples(3));
    const declared = [
      { kind: 'batches', stream: gateway.stream, from: 1, to: 1, samples: null, reason: 'journal-damaged' },
    ] as const;
    await line.send(gateway.batch(samples(2), { declared }));
    expect(await balance()).toMatchObject({ stored: 2, uncountedLosses: 1 });
    await line.send(late);
    expect(await balance()).toMatchObject({ stored: 5, completeness: 1, uncountedLosses: 0 });
  });

  test('does not know the tail of a gateway that was lost', async () => {
    const gateway = new Gateway('gw');
    await line.send(gateway.batch(samples(3)), gateway.state({ online: false, reason: 'lost' }));
    expect(await balance()).toMatchObject({ stored: 3, tailUnknown: true, closed: false });
    await line.send(gateway.state({ online: false, reason: 'stopped' }));
    await waitFor(async () => (await balance())?.tailUnknown === false);
    expect(await balance()).toMatchObject({ closed: true });
  });
});
