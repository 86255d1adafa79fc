import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { describeEachLine } from './each-line.ts';
import { Gateway, goodSample, type Sent, tagOf } from './line.ts';

describeEachLine('what the processor cannot store, on', { started: false }, (line) => {
  const stored = async (): Promise<number> =>
    Number((await line.query<{ n: bigint }>('SELECT count(*) AS n FROM sample'))[0]?.n);

  test('makes dead letters of what cannot be read, and goes on', async () => {
    const gateway = new Gateway('pump-7');
    const whole = gateway.batch([goodSample(tagOf('a'), 1)]);
    const foreign = new Gateway('pump-8').batch([goodSample(tagOf('a'), 1)]);
    await line.start();
    await line.send(
      { ...whole, bytes: whole.bytes.subarray(0, 40) },
      { gateway: 'pump-7', kind: 'batch', bytes: Buffer.from([0, 255, 1]) },
      { ...foreign, gateway: 'pump-7' },
      { gateway: 'pump-7', kind: 'state', bytes: Buffer.from('{"v":1}') },
      { gateway: 'pump-7', kind: 'ack', bytes: Buffer.from('{}') },
      whole,
    );
    await line.settled();
    expect(await stored()).toBe(1);
    const letters = await line.query(
      'SELECT code, stage, topic, record_offset, bytes FROM dead_letter ORDER BY record_offset',
    );
    expect(letters).toEqual([
      {
        code: 'batch/malformed',
        stage: 'decode',
        topic: 'fieldline.raw',
        record_offset: 0n,
        bytes: whole.bytes.subarray(0, 40),
      },
      {
        code: 'batch/malformed',
        stage: 'decode',
        topic: 'fieldline.raw',
        record_offset: 1n,
        bytes: Buffer.from([0, 255, 1]),
      },
      {
        code: 'batch/foreign-gateway',
        stage: 'decode',
        topic: 'fieldline.raw',
        record_offset: 2n,
        bytes: foreign.bytes,
      },
      {
        code: 'message/malformed',
        stage: 'decode',
        topic: 'fieldline.raw',
        record_offset: 3n,
        bytes: Buffer.from('{"v":1}'),
      },
      { code: 'topic/unknown', stage: 'decode', topic: 'fieldline.raw', record_offset: 4n, bytes: Buffer.from('{}') },
    ]);
  });

  test('knows no gateway by what cannot be read of it, and tells it nothing; the first that can be read makes it known', async () => {
    const gateway = new Gateway('mistyped');
    const unreadable = (kind: Sent['kind']): Sent => ({ gateway: 'mistyped', kind, bytes: Buffer.from('{"v":1') });
    const gateways = () => line.query('SELECT gateway FROM gateway');
    await line.start();
    await line.send(unreadable('batch'), unreadable('state'), unreadable('birth'));
    await line.send(new Gateway('pump-7').batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    await waitFor(() => line.acks.some((ack) => ack.gateway === 'pump-7'));
    expect(await gateways()).toEqual([{ gateway: 'pump-7' }]);
    expect(line.acks.map((ack) => ack.gateway)).toEqual(['pump-7']);
    expect(await line.query('SELECT DISTINCT gateway FROM dead_letter')).toEqual([{ gateway: 'mistyped' }]);
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    expect(await gateways()).toHaveLength(2);
  });

  test('stores the good samples of a batch and keeps the others as one letter that names them', async () => {
    const gateway = new Gateway();
    const now = Date.now() * 1_000;
    const far = now + 2 * 3_600_000_000;
    const batch = gateway.batch([
      goodSample(tagOf('a'), 1, now),
      goodSample(tagOf('a'), 2, far),
      goodSample(tagOf('a'), 3, 1_000_000),
      goodSample(tagOf('a'), 4, now + 1),
    ]);
    await line.start();
    await line.send(batch);
    await line.settled();
    expect(await line.query('SELECT value FROM sample ORDER BY value')).toEqual([{ value: 1 }, { value: 4 }]);
    const letters = await line.query('SELECT code, position, positions::text, samples, bytes FROM dead_letter');
    expect(letters).toEqual([
      { code: 'sample/time-out-of-window', position: 1, positions: '{[1,3)}', samples: 2, bytes: batch.bytes },
    ]);
    expect(await line.query('SELECT samples, stored, rejected FROM stream')).toEqual([
      { samples: 4n, stored: 2n, rejected: 2n },
    ]);
    expect(await line.query('SELECT value FROM latest')).toEqual([{ value: 4 }]);
  });

  test('finds the rows that PostgreSQL refuses and stores all others', async () => {
    const gateway = new Gateway();
    const now = Date.now() * 1_000;
    await line.query('ALTER TABLE sample ADD CONSTRAINT plausible CHECK (value <> 13)');
    const values = Array.from({ length: 500 }, (_, n) =>
      goodSample(tagOf(`t${n % 7}`), n % 100 === 50 ? 13 : n + 100, now + n),
    );
    await line.send(gateway.batch(values.slice(0, 200)), gateway.batch(values.slice(200)));
    await line.start();
    await line.settled();
    expect(await stored()).toBe(495);
    expect(await line.query('SELECT samples, stored, rejected FROM stream')).toEqual([
      { samples: 500n, stored: 495n, rejected: 5n },
    ]);
    const letters = await line.query('SELECT code, stage, positions::text FROM dead_letter ORDER BY record_offset');
    expect(letters).toEqual([
      { code: 'database/data', stage: 'store', positions: '{[50,51),[150,151)}' },
      { code: 'database/data', stage: 'store', positions: '{[50,51),[150,151),[250,251)}' },
    ]);
  });

  test('makes a letter of one record that PostgreSQL refuses outside of the rows', async () => {
    const gateways = ['g1', 'g2', 'g3', 'g4', 'g5'].map((id) => new Gateway(id));
    await line.query(`ALTER TABLE batch_log ADD CONSTRAINT known CHECK (samples < 2)`);
    await line.send(
      ...gateways.map((gateway, n) => gateway.batch(Array(n === 2 ? 2 : 1).fill(goodSample(tagOf('a'), 1)))),
    );
    await line.start();
    await line.settled();
    expect(await stored()).toBe(4);
    expect(await line.query('SELECT gateway, code, stage FROM dead_letter')).toEqual([
      { gateway: 'g3', code: 'database/data', stage: 'store' },
    ]);
  });
});
