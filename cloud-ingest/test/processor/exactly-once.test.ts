import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { describeEachLine } from './each-line.ts';
import { Gateway, goodSample, insist, type Line, tagOf } from './line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

describeEachLine('the processor on', { started: false }, (line) => {
  const stored = async (): Promise<number> =>
    Number((await line.query<{ n: bigint }>('SELECT count(*) AS n FROM sample'))[0]?.n);

  test('stores each value of each type with all its bits', async () => {
    const gateway = new Gateway();
    const time = Date.now() * 1_000 + 123;
    const values = [
      goodSample(tagOf('flag', 'bool'), true, time),
      goodSample(tagOf('small', 'int16'), -32_768, time),
      goodSample(tagOf('count', 'int64'), 2n ** 53n + 1n, time),
      goodSample(tagOf('most', 'uint64'), 2n ** 64n - 1n, time),
      goodSample(tagOf('least', 'int64'), -(2n ** 63n), time),
      goodSample(tagOf('total', 'uint64'), 42n, time),
      goodSample(tagOf('level', 'float64'), 0.1, time),
      goodSample(tagOf('flow', 'float32'), Math.fround(0.1), time),
      goodSample(tagOf('state', 'string'), 'läuft 🚰', time),
      { tag: tagOf('broken'), time, value: null, quality: 201 },
      { tag: tagOf('doubtful'), time, value: 7, quality: 101 },
    ];
    await line.start();
    await line.send(gateway.batch(values));
    await line.settled();
    const rows = await line.query<{ tag: string; value: number | null; text: string | null; quality: number }>(
      `SELECT tag, value, text, quality FROM reading WHERE time = TIMESTAMPTZ 'epoch' + $1 * INTERVAL '1 microsecond'`,
      [time],
    );
    const byTag = Object.fromEntries(rows.map(({ tag, value, text, quality }) => [tag, [value, text, quality]]));
    expect(byTag).toEqual({
      flag: [1, null, 0],
      small: [-32_768, null, 0],
      count: [2 ** 53, '9007199254740993', 0],
      most: [2 ** 64, '18446744073709551615', 0],
      least: [-(2 ** 63), '-9223372036854775808', 0],
      total: [42, null, 0],
      level: [0.1, null, 0],
      flow: [Math.fround(0.1), null, 0],
      state: [null, 'läuft 🚰', 0],
      broken: [null, null, 201],
      doubtful: [7, null, 101],
    });
  });

  test('stores a batch that comes three times once, and acknowledges it', async () => {
    const gateway = new Gateway();
    const batch = gateway.batch([goodSample(tagOf('a'), 1), goodSample(tagOf('b'), 2)]);
    await line.send(batch, batch);
    await line.start();
    await line.settled();
    await line.send(batch);
    await line.settled();
    expect(await stored()).toBe(2);
    const [row] = await line.query(`SELECT samples, stored, duplicate_batches, duplicate_samples FROM stream`);
    expect(row).toEqual({ samples: 2n, stored: 2n, duplicate_batches: 2n, duplicate_samples: 4n });
    const ack = await waitFor(() => line.acks.at(-1));
    expect(ack.streams).toEqual([{ stream: gateway.stream, committed: [[1, 1]], ask: [] }]);
  });

  test('keeps the newest value as the latest, whatever comes after it', async () => {
    const gateway = new Gateway();
    const now = Date.now() * 1_000;
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 2, now)]));
    await line.settled();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1, now - 60_000_000)]));
    await line.settled();
    const rows = await line.query('SELECT value, (batch & 4294967295) AS seq FROM latest');
    expect(rows).toEqual([{ value: 2, seq: 1n }]);
  });

  test('traces a row to its batch, its record and its gateway', async () => {
    const gateway = new Gateway();
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    const rows = await line.query(
      `SELECT value, stream, gateway, batch_log.topic, record_offset, batch_log.samples
       FROM sample JOIN batch_log USING (batch) JOIN stream ON stream_no = batch >> 32 ORDER BY value`,
    );
    const common = { stream: gateway.stream, gateway: gateway.gateway, topic: 'fieldline.raw', samples: 1 };
    expect(rows).toEqual([
      { value: 1, record_offset: 0n, ...common },
      { value: 2, record_offset: 1n, ...common },
    ]);
  });

  test('counts a declared batch as lost until it comes all the same', async () => {
    const gateway = new Gateway();
    const lost = gateway.batch([goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2)]);
    const also = gateway.batch([goodSample(tagOf('a'), 3)]);
    await line.start();
    await line.send(also);
    const declared = [
      { kind: 'batches', stream: gateway.stream, from: 1, to: 2, samples: 3, reason: 'disk-bound' },
    ] as const;
    await line.send(gateway.batch([], { declared }));
    await line.settled();
    const lossOf = () => line.query('SELECT declared::text, declared_samples, stored FROM stream');
    expect(await lossOf()).toEqual([{ declared: '{[1,3)}', declared_samples: 2n, stored: 1n }]);
    await line.send(lost);
    await line.settled();
    expect(await lossOf()).toEqual([{ declared: '{[1,3)}', declared_samples: 0n, stored: 3n }]);
    const ack = await waitFor(() => line.acks.at(-1));
    expect(ack.streams[0]?.committed).toEqual([[1, 3]]);
  });

  test('fills a database that was emptied again, from the log', async () => {
    const gateway = new Gateway();
    await line.start();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    await insist(
      line.query,
      'TRUNCATE sample, latest, stream, series, device, gateway, batch_log, source_offset RESTART IDENTITY',
    );
    await line.send(gateway.batch([goodSample(tagOf('b'), 3)]));
    await line.settled();
    const rows = await line.query('SELECT tag, value FROM reading ORDER BY value');
    expect(rows).toEqual([
      { tag: 'a', value: 1 },
      { tag: 'a', value: 2 },
      { tag: 'b', value: 3 },
    ]);
    expect(await line.query('SELECT committed::text, duplicate_batches FROM stream')).toEqual([
      { committed: '{[1,4)}', duplicate_batches: 0n },
    ]);
  });

  test('lets two processors on the same partitions do no harm', async () => {
    const gateways = Array.from({ length: 6 }, () => new Gateway());
    // A second group has the same partitions, as a processor that has not noticed yet that it lost them.
    await line.start();
    const twin = await openTwin(line);
    for (let n = 0; n < 40; n++) {
      await line.send(
        ...gateways.map((gateway) => gateway.batch([goodSample(tagOf('a'), n), goodSample(tagOf('b'), n)])),
      );
    }
    await line.settled();
    await twin.close();
    expect(await stored()).toBe(40 * 6 * 2);
    const rows = await line.query<{ committed: string }>('SELECT committed::text FROM stream');
    expect(new Set(rows.map(({ committed }) => committed))).toEqual(new Set(['{[1,41)}']));
    expect(await line.query('SELECT sum(duplicate_batches)::int AS n FROM stream')).toEqual([{ n: 0 }]);
  });
});

function openTwin({ config, backbone }: Line) {
  return startQuietProcessor({ ...config, processor: { ...config.processor, group: 'twin' } }, backbone);
}
