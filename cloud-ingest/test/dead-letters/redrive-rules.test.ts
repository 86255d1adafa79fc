import { backboneTopics } from '@fieldline/shared/contracts';
import { waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { createRedrive } from '../../src/dead-letters/redrive.ts';
import { openStore } from '../../src/store/connection.ts';
import type { Publish } from '../../src/store/write-rows.ts';
import { Gateway, goodSample, plainPostgres, recordOf, type Sent, tagOf } from '../processor/line.ts';
import { describeRedrives, hour, ofTomorrow } from './redrives.ts';

describeRedrives('what can be redriven, and what not, on', [plainPostgres], (bench) => {
  const { redrive, store, ids, letters, values, ledger, balance, upgrade } = bench;

  test('keeps what is still refused after a whole batch was stored as letters of its samples', async () => {
    const now = Date.now() * 1_000;
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1, now), goodSample(tagOf('a'), 2, 5)])));
    await upgrade();
    const [said] = await redrive(...(await ids()));
    expect(said).toContain('stored 1 sample');
    expect(said).toContain('; 1 still dead: sample/time-out-of-window');
    expect(await letters()).toMatchObject([
      { code: 'batch/unsupported-version', positions: null, open: false },
      { code: 'sample/time-out-of-window', positions: '{[1,2)}', open: true },
    ]);
    expect(await balance()).toMatchObject({
      read: 2,
      stored: 1,
      rejected: 1,
      open: 0,
      deadBatches: 0,
      closed: true,
    });
  });

  test('goes beside a processor that stores the same batches meanwhile, sent again by their gateway', async () => {
    const batches = Array.from({ length: 12 }, (_, n) => bench.gateway.batch([goodSample(tagOf('a'), n)]));
    await store(...batches.map(ofTomorrow));
    await upgrade();
    await Promise.all([redrive('--all'), store(...batches), redrive('--all')]);
    expect(await values()).toEqual(batches.map((_, n) => n));
    expect(await ledger()).toMatchObject({ committed: '{[1,13)}', dead: '{}', samples: 12n, stored: 12n });
    await redrive('--all');
    expect(await bench.line.query('SELECT id FROM dead_letter WHERE redriven_at IS NULL')).toEqual([]);
  });

  test('closes a letter whose batch came whole in another copy', async () => {
    const batch = bench.gateway.batch([goodSample(tagOf('a'), 1)]);
    await store(ofTomorrow(batch));
    await store(batch);
    const [id] = await ids();
    expect(await redrive('--all')).toEqual(['tried 1 letter', '  1 closed: there was nothing left to do']);
    expect(await letters()).toMatchObject([{ open: false }]);
    expect((await redrive(`${id}`))[0]).toContain('nothing was done, it was redriven at');
    expect(bench.isIncomplete).toBe(false);
    expect(await values()).toEqual([1]);
    expect(await ledger()).toMatchObject({ dead: '{}', stored: 1n, duplicate_batches: 0n });
  });

  test('tells others of the rows, unless it is a dry run', async () => {
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])));
    await upgrade();
    const told: number[] = [];
    const own = openStore(bench.line.config.database, 'test');
    const publish: Publish = async ({ rows: written }) => void told.push(...written.value);
    const parts = { store: own, edition: 'plain', window: bench.line.config.processor, publish } as const;
    const [id] = await ids();
    await createRedrive(parts)(Number(id), { positions: null, dryRun: true });
    expect(told).toEqual([]);
    expect(await createRedrive(parts)(Number(id), { positions: null, dryRun: false })).toMatchObject({
      kind: 'stored',
    });
    await own.close();
    expect(told).toEqual([1]);
  });

  test('does not store samples again of which a second letter tells', async () => {
    const now = Date.now() * 1_000;
    const far = now + 30 * 24 * hour;
    await store(
      bench.gateway.batch([
        goodSample(tagOf('a'), 1, now),
        goodSample(tagOf('a'), 2, far),
        goodSample(tagOf('a'), 3, far),
      ]),
    );
    // As a database has them that was emptied but for its dead letters, and filled again from the backbone.
    await bench.line.query(
      `INSERT INTO dead_letter (received_at, gateway, stage, code, reason, topic, partition, record_offset, position, positions, samples, bytes, headers)
     SELECT received_at, gateway, stage, code, reason, topic, partition, record_offset, position, positions, samples, bytes, headers FROM dead_letter`,
    );
    const said = await redrive(...(await ids()));
    expect(said[0]).toContain('stored 2 samples');
    expect(said[1]).toContain('closed, positions 1-2 of batch 1');
    expect(await values()).toEqual([1, 2, 3]);
    expect(await ledger()).toMatchObject({ stored: 3n, rejected: 0n });
  });

  test('counts the attempt where PostgreSQL refuses more than rows, and changes nothing else', async () => {
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2)])));
    await upgrade();
    await bench.alter('ALTER TABLE batch_log ADD CONSTRAINT fits CHECK (samples < 2) NOT VALID');
    await redrive('--all');
    expect(await letters()).toMatchObject([{ code: 'database/data', stage: 'store', attempts: 1, open: true }]);
    expect(await ledger()).toMatchObject({ committed: '{}', dead: '{[1,2)}', samples: 0n });
    expect(await values()).toEqual([]);
    await bench.alter('ALTER TABLE batch_log DROP CONSTRAINT fits');
    await redrive('--all');
    expect(await values()).toEqual([1, 2]);
  });

  test('takes a record without identity as if it came now, and the next acknowledgement tells it', async () => {
    const [first, second] = [
      bench.gateway.batch([goodSample(tagOf('a'), 1)]),
      bench.gateway.batch([goodSample(tagOf('a'), 2)]),
    ];
    const record = recordOf(first);
    await bench.line.backbone.append(backboneTopics.raw, [
      { ...record, headers: { ...record.headers, topic: `elsewhere/${bench.gateway.gateway}/batch` } },
    ]);
    await bench.line.settled();
    expect(await letters()).toMatchObject([{ code: 'topic/unknown' }]);
    await redrive('--all');
    expect(await letters()).toMatchObject([{ code: 'topic/unknown', attempts: 1, open: true }]);
    // A decoder of tomorrow would claim the topic.
    await bench.line.query(`UPDATE dead_letter SET headers = headers || jsonb_build_object('topic', $1::text)`, [
      record.headers.topic,
    ]);
    await redrive('--all');
    expect(await values()).toEqual([1]);
    await store(second);
    const ack = await waitFor(() => bench.line.acks.findLast((each) => each.gateway === bench.gateway.gateway));
    expect(ack.streams[0]?.committed).toEqual([[1, 2]]);
  });

  test('takes the topic from the key where a foreign connector wrote no headers', async () => {
    const { key: _, value } = recordOf(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])));
    const topic = `fieldline/${bench.gateway.gateway}/batch`;
    await bench.line.backbone.append(backboneTopics.raw, [{ key: topic, value, headers: {} }]);
    await bench.line.settled();
    await upgrade();
    await redrive('--all');
    expect(await values()).toEqual([1]);
  });

  test('stores a message that the backbone could not take, and its rows lead to the letter', async () => {
    const { bytes } = bench.gateway.batch([goodSample(tagOf('a'), 1)]);
    const topic = `fieldline/${bench.gateway.gateway}/batch`;
    await bench.line.query(
      `INSERT INTO dead_letter (received_at, gateway, stage, code, reason, topic, bytes, headers)
     VALUES (now(), $1, 'bridge', 'record/too-large', 'too large', $2, $3, $4)`,
      [bench.gateway.gateway, topic, bytes, { topic }],
    );
    await redrive('--stage', 'bridge');
    const [id] = await ids();
    expect(await values()).toEqual([1]);
    expect(
      await bench.line.query('SELECT topic, partition, record_offset::text FROM batch_log WHERE topic = $1', [
        'dead_letter',
      ]),
    ).toEqual([{ topic: 'dead_letter', partition: -1, record_offset: id }]);
  });

  test('does not let an old state come over a newer one', async () => {
    const broken = (sent: Sent): Sent => ({
      ...sent,
      bytes: Buffer.from(sent.bytes.toString().replace('"v":1', '"v":3')),
    });
    await store(broken(bench.gateway.state({ online: false, reason: 'stopped' })), bench.gateway.state());
    await store(broken(bench.gateway.state({ online: false, reason: 'stopped' })));
    await bench.line.query(
      `UPDATE dead_letter SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"v":3', '"v":1'), 'UTF8')`,
    );
    const [older, newer] = await ids();
    const online = () => bench.line.query('SELECT online FROM gateway WHERE gateway = $1', [bench.gateway.gateway]);
    expect((await redrive(`${older}`))[0]).toContain(
      `closed, a newer state of ${bench.gateway.gateway} has come since`,
    );
    expect(await online()).toEqual([{ online: true }]);
    expect((await redrive(`${newer}`))[0]).toBe(`${newer}: the state of ${bench.gateway.gateway} was taken in`);
    expect(await online()).toEqual([{ online: false }]);
  });

  test('leaves a batch of another gateway dead, with its ledger as it was', async () => {
    await store(bench.gateway.batch([goodSample(tagOf('a'), 1)]));
    const other = new Gateway(`${bench.gateway.gateway}-clone`, null, bench.gateway.stream);
    await store(other.batch([goodSample(tagOf('a'), 2)]));
    await redrive('--all');
    expect(await letters()).toMatchObject([
      { code: 'batch/foreign-gateway', stage: 'ledger', attempts: 1, open: true },
    ]);
    expect(await ledger()).toMatchObject({ committed: '{[1,2)}', stored: 1n });
  });

  test('waits for locks and connections that are lost, and makes no reason of them', async () => {
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])));
    await upgrade();
    const holder = new pg.Client({ connectionString: bench.line.config.database.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM fieldline.stream WHERE stream = $1 FOR UPDATE', [bench.gateway.stream]);
    const redriving = redrive('--all');
    const waiting = () =>
      bench.line.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'fieldline-dead-letters' AND wait_event_type = 'Lock'`,
      );
    const [first] = await waitFor(async () => ((await waiting()).length > 0 ? waiting() : null));
    await bench.line.query('SELECT pg_terminate_backend($1)', [first?.pid]);
    await waitFor(async () => (await waiting()).some(({ pid }) => pid !== first?.pid));
    await holder.query('ROLLBACK');
    await holder.end();
    expect((await redriving)[1]).toBe('  1 stored, with 1 sample');
    expect(await letters()).toMatchObject([{ code: 'batch/unsupported-version', attempts: 1, open: false }]);
    expect(await values()).toEqual([1]);
  });

  test('says that an id is none, and that a record has no positions', async () => {
    await store(ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])));
    const [id = ''] = await ids();
    expect(await redrive('999999')).toContain('999999: nothing was done, there is no such letter');
    expect(await redrive(id, '--position', '0')).toContain(
      `${id}: nothing was done, it is about a whole record: redrive it without positions`,
    );
  });

  test('redrives what a filter names, and no other', async () => {
    const other = new Gateway();
    await store(
      ofTomorrow(bench.gateway.batch([goodSample(tagOf('a'), 1)])),
      ofTomorrow(other.batch([goodSample(tagOf('a'), 2)])),
    );
    await upgrade();
    expect(await redrive('--gateway', bench.gateway.gateway, '--to', '2026-01-01')).toEqual(['no letter to try']);
    await redrive('--gateway', bench.gateway.gateway, '--code', 'batch/unsupported-version', '--from', '2026-01-01');
    expect(await bench.line.query('SELECT gateway FROM dead_letter WHERE redriven_at IS NULL')).toEqual([
      { gateway: other.gateway },
    ]);
  });
});
