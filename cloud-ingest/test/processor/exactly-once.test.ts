import { batchVersion } from '@fieldline/shared/contracts';
import { report, systemClock } from '@fieldline/shared/runtime';
import { describeWith, type TestPostgres, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Gateway, goodSample, type Line, openLine, type Sent, servers, tagOf } from './line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `the processor on ${name}`, () => {
    let server: TestPostgres;
    let line: Line;
    beforeAll(async () => {
      server = await open();
    });
    afterAll(async () => {
      if ('close' in server && typeof server.close === 'function') await server.close();
    });
    beforeEach(async () => {
      line = await openLine(server);
    });
    afterEach(() => line.close());

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

    test('acknowledges a batch that can never be stored, so that its gateway stops sending it', async () => {
      const gateway = new Gateway();
      const newer = JSON.parse(gateway.batch([goodSample(tagOf('a'), 1)]).bytes.toString());
      await line.start();
      const sent = {
        gateway: gateway.gateway,
        kind: 'batch',
        bytes: Buffer.from(JSON.stringify({ ...newer, v: batchVersion + 1 })),
      } as const;
      await line.send(sent, sent);
      await line.settled();
      expect(await line.query('SELECT code FROM dead_letter')).toEqual([{ code: 'batch/unsupported-version' }]);
      const ack = await waitFor(() => line.acks.at(-1));
      expect(ack.streams).toEqual([{ stream: gateway.stream, committed: [[1, 1]], ask: [] }]);
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

    test('asks for a hole that the gateway holds, and for no other', async () => {
      const gateway = new Gateway();
      const batches = Array.from({ length: 6 }, (_, n) => gateway.batch([goodSample(tagOf('a'), n)]));
      const sent = batches.filter((_, n) => n !== 2 && n !== 3);
      await line.start();
      await line.send(...sent);
      await line.send(gateway.state({ streams: [{ stream: gateway.stream, first: 1, last: 6, held: [[3, 3]] }] }));
      await line.settled();
      const ack = await waitFor(() => line.acks.find((each) => each.streams.some(({ ask }) => ask.length > 0)));
      expect(ack.streams).toEqual([
        {
          stream: gateway.stream,
          committed: [
            [1, 2],
            [5, 6],
          ],
          ask: [[3, 3]],
        },
      ]);
      await line.send(...batches.slice(2, 3));
      await line.settled();
      await waitFor(() => line.acks.at(-1)?.streams[0]?.ask.length === 0);
      expect(line.acks.at(-1)?.streams[0]?.committed).toEqual([
        [1, 3],
        [5, 6],
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

    test('reports two streams that follow the same one, and a journal that was put back', async () => {
      const first = new Gateway('gw');
      const previous = { stream: first.stream, lastSeq: 3 };
      const [second, clone, restored] = [1, 2, 3].map(
        (n) => new Gateway('gw', n === 3 ? { ...previous, lastSeq: 1 } : previous),
      );
      await line.start();
      for (const gateway of [first, first, first, second, clone, restored])
        await line.send((gateway as Gateway).batch([goodSample(tagOf('a'), 1)]));
      await line.settled();
      const found = await line.query(`SELECT kind, details ->> 'stream' AS stream FROM anomaly ORDER BY id`);
      expect(found).toEqual([
        { kind: 'forked-stream', stream: clone?.stream },
        { kind: 'forked-stream', stream: restored?.stream },
        { kind: 'restored-journal', stream: restored?.stream },
      ]);
      expect(await stored()).toBe(6);
    });

    test('reports a batch that comes again with other content, once for its stream, and none that is the same', async () => {
      const gateway = new Gateway('gw');
      const doubled = new Gateway('gw', null, gateway.stream);
      const honest = new Gateway('gw-2');
      const [early, late] = [goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2, systemClock.now() + 5)];
      const refused = goodSample(tagOf('a'), 1, 1);
      const kept = [honest.batch([early, refused]), honest.batch([late, early]), honest.batch([])];
      await line.start();
      await line.send(...kept, gateway.batch([early]), gateway.batch([early]), gateway.batch([early]));
      await line.settled();
      await line.send(...kept, doubled.batch([early]), doubled.batch([late]), doubled.batch([early, late]), ...kept);
      await line.settled();
      expect(await line.query('SELECT kind, gateway, details FROM anomaly')).toEqual([
        { kind: 'two-contents', gateway: 'gw', details: { stream: gateway.stream } },
      ]);
      expect(await stored()).toBe(6);
    });

    test('reports a stream whose batches have more samples than it states as read, once', async () => {
      const gateway = new Gateway('gw');
      const samples = [goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2)];
      await line.start();
      await line.send(gateway.batch(samples));
      for (let n = 0; n < 2; n++) await line.send(gateway.batch(samples, { read: 3 }));
      await line.settled();
      expect(await line.query('SELECT kind, gateway, details FROM anomaly')).toEqual([
        { kind: 'contradicting-counts', gateway: 'gw', details: { stream: gateway.stream } },
      ]);
      expect(await stored()).toBe(6);
    });

    test('knows from its successor how far a stream went', async () => {
      const first = new Gateway('gw');
      await line.start();
      await line.send(first.batch([goodSample(tagOf('a'), 1)]));
      await line.send(new Gateway('gw', { stream: first.stream, lastSeq: 4 }).batch([goodSample(tagOf('a'), 2)]));
      await line.settled();
      const rows = await line.query('SELECT last_seq FROM stream WHERE stream = $1', [first.stream]);
      expect(rows).toEqual([{ last_seq: 4n }]);
    });

    test('lets the next state of a gateway correct a wrong one; its will corrects nothing', async () => {
      const gateway = new Gateway('gw');
      const { stream } = gateway;
      const lastSeq = async () => (await line.query('SELECT last_seq FROM stream WHERE stream = $1', [stream]))[0];
      const far = 4_000_000_000;
      await line.start();
      await line.send(gateway.batch([goodSample(tagOf('a'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
      await line.send(gateway.state({ streams: [{ stream, first: 1, last: far, held: [[1, far]] }] }));
      await line.send(gateway.state({ reason: 'lost', online: false }));
      await line.settled();
      expect(await lastSeq()).toEqual({ last_seq: BigInt(far) });
      // A successor that names the true length meets a wrong state only: no journal was put back.
      await line.send(new Gateway('gw', { stream, lastSeq: 2 }).batch([goodSample(tagOf('a'), 3)]));
      await line.send(gateway.state());
      await line.settled();
      expect(await lastSeq()).toEqual({ last_seq: 2n });
      expect(await line.query('SELECT kind FROM anomaly')).toEqual([]);
    });

    test('keeps a stream with the gateway that it belongs to', async () => {
      const owner = new Gateway('gw-1');
      const other = new Gateway('gw-2', null, owner.stream);
      await line.start();
      await line.send(owner.batch([goodSample(tagOf('a'), 1)]));
      await line.settled();
      await line.send(other.batch([goodSample(tagOf('a'), 2)]));
      await line.settled();
      expect(await stored()).toBe(1);
      expect(await line.query('SELECT gateway, code, stage FROM dead_letter')).toEqual([
        { gateway: 'gw-2', code: 'batch/foreign-gateway', stage: 'ledger' },
      ]);
      expect(await line.query('SELECT kind, gateway FROM anomaly')).toEqual([
        { kind: 'stream-of-two-gateways', gateway: 'gw-2' },
      ]);
      expect(line.acks.filter(({ gateway }) => gateway === 'gw-2').flatMap(({ streams }) => streams)).toEqual([]);
    });

    test('answers a gateway that comes back with what is stored of it', async () => {
      const gateway = new Gateway();
      await line.start();
      await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
      await line.settled();
      await waitFor(() => line.acks.length > 0);
      line.acks.length = 0;
      await line.send(gateway.state({ reason: 'started' }));
      const ack = await waitFor(() => line.acks.at(-1));
      expect(ack.gateway).toBe(gateway.gateway);
      expect(ack.streams).toEqual([{ stream: gateway.stream, committed: [[1, 1]], ask: [] }]);
      expect(await line.query('SELECT online FROM gateway')).toEqual([{ online: true }]);
    });

    test('is not ready while no acknowledgement can be made, and is again when it can', async () => {
      const gateway = new Gateway('gw');
      const trouble = () => report(line.health.ready).troubles['processor-acknowledge'];
      await line.start();
      const [row] = await line.query<{ id: string }>('DELETE FROM incarnation RETURNING id');
      await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
      expect(await waitFor(trouble)).toContain('the table incarnation is empty');
      expect(line.acks).toEqual([]);
      await line.query('INSERT INTO incarnation (id) VALUES ($1)', [row?.id]);
      await waitFor(() => line.acks.length > 0 && report(line.health.ready).ok);
    });

    test('fills a database that was emptied again, from the log', async () => {
      const gateway = new Gateway();
      await line.start();
      await line.send(gateway.batch([goodSample(tagOf('a'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
      await line.settled();
      await line.query(
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
}

function openTwin({ config, backbone }: Line) {
  return startQuietProcessor({ ...config, processor: { ...config.processor, group: 'twin' } }, backbone);
}
