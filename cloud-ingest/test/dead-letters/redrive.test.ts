import { backboneTopics, batchVersion, isFieldlineError } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, type TestPostgres, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { readBalance } from '../../src/balance/balance.ts';
import { run } from '../../src/commands/dead-letters.ts';
import { createRedrive } from '../../src/dead-letters/redrive.ts';
import { openStore } from '../../src/store/connection.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema } from '../../src/store/migrate.ts';
import type { Publish } from '../../src/store/write-rows.ts';
import { Gateway, goodSample, type Line, openLine, recordOf, type Sent, servers, tagOf } from '../processor/line.ts';

const hour = 3_600_000_000;
const dayMs = 24 * 3_600_000;

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `redriving dead letters on ${name}`, () => {
    let server: TestPostgres;
    let line: Line;
    /** Each test has a gateway of its own. */
    let gateway: Gateway;
    beforeAll(async () => {
      server = await open();
      line = await openLine(server);
      await line.start();
    });
    afterAll(async () => {
      await line.close();
      if ('close' in server && typeof server.close === 'function') await server.close();
    });
    beforeEach(() => {
      gateway = new Gateway();
    });
    afterEach(async () => {
      for (const table of ['sample', 'batch_log'])
        await line.query(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS fits`);
      await line.query('DELETE FROM dead_letter');
    });

    /** Whether the last command ended with exit code 1 because not all was redriven. */
    let isIncomplete = false;
    /** What the command prints. Its settings accept what lies up to a year ahead; those of the processor an hour. */
    async function command(...args: string[]): Promise<string[]> {
      const lines: string[] = [];
      isIncomplete = false;
      await run({
        config: { ...line.config, processor: { ...line.config.processor, acceptFutureMs: 366 * dayMs } },
        args,
        callOf: String,
        clock: systemClock,
        log: silentLog,
        signal: new AbortController().signal,
        say: (text) => lines.push(text),
      }).catch((error: unknown) => {
        if (!isFieldlineError(error, 'redrive/incomplete')) throw error;
        isIncomplete = true;
      });
      return lines;
    }
    const redrive = (...args: string[]) => command('redrive', ...args);

    async function store(...records: readonly Sent[]): Promise<void> {
      await line.send(...records);
      await line.settled();
    }

    const ids = async (): Promise<string[]> =>
      (await line.query<{ id: bigint }>('SELECT id FROM dead_letter ORDER BY id')).map(({ id }) => String(id));
    const letters = () =>
      line.query(
        'SELECT gateway, code, stage, attempts, positions::text, redriven::text, redriven_at IS NULL AS open FROM dead_letter ORDER BY id',
      );
    /** Of the gateway, in the order of their values. */
    const rows = () =>
      line.query<{ tag: string; value: number; seq: number }>(
        `SELECT tag, value, (batch & 4294967295)::int AS seq FROM reading WHERE gateway = $1 ORDER BY value`,
        [gateway.gateway],
      );
    const values = async () => (await rows()).map(({ value }) => value);
    const ledger = async () => {
      const found = await line.query(
        'SELECT committed::text, dead::text, samples, stored, rejected, duplicate_batches FROM stream WHERE stream = $1',
        [gateway.stream],
      );
      return found[0];
    };
    const logged = (seq: number) =>
      line.query(
        `SELECT batch_log.topic, batch_log.samples, batch_log.stored, batch_log.rejected FROM batch_log JOIN stream ON stream_no = batch >> 32
         WHERE stream = $1 AND (batch & 4294967295) = $2`,
        [gateway.stream, seq],
      );
    const balance = async () => {
      const reader = openStore(line.config.database, 'test');
      const balances = await reader.withSession(readBalance);
      await reader.close();
      return balances.find((each) => each.gateway === gateway.gateway);
    };

    const keepTables = async (): Promise<void> => {
      const keeper = openStore(line.config.database, 'test');
      const edition = await keeper.withSession((session) => editionOfSchema(session, line.config.database.schema));
      await maintain({ store: keeper, config: line.config.database, edition, clock: systemClock });
      await keeper.close();
    };

    /** A batch that only a newer reader understands, until `upgrade` makes it one of today. */
    const ofTomorrow = (sent: Sent): Sent => ({
      ...sent,
      bytes: Buffer.from(JSON.stringify({ ...JSON.parse(sent.bytes.toString()), v: batchVersion + 1 })),
    });
    const upgrade = () =>
      line.query(
        `UPDATE dead_letter SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"v":${batchVersion + 1}', '"v":${batchVersion}'), 'UTF8')`,
      );

    test('stores a batch that was never stored, and moves it in the ledger from dead to committed', async () => {
      const first = gateway.batch([goodSample(tagOf('a'), 1)]);
      const second = gateway.batch([goodSample(tagOf('a'), 2), goodSample(tagOf('b'), 3)]);
      await store(first, ofTomorrow(second));
      const [id] = await ids();
      expect(await ledger()).toMatchObject({ committed: '{[1,2)}', dead: '{[2,3)}', stored: 1n });
      expect(await balance()).toMatchObject({ read: 1, stored: 1, deadBatches: 1 });
      expect(await redrive('--all')).toEqual([
        'tried 1 letter',
        `  1 still dead by batch/unsupported-version, the first is ${id}: version ${batchVersion + 1}; this reader knows up to ${batchVersion}`,
      ]);
      await upgrade();
      const stored = `stored 2 samples of batch 2 of ${gateway.gateway}, stream ${gateway.stream}`;
      expect(await redrive(`${id}`)).toEqual([`${id}: ${stored}`, 'tried 1 letter', '  1 stored, with 2 samples']);
      expect(await rows()).toEqual([
        { tag: 'a', value: 1, seq: 1 },
        { tag: 'a', value: 2, seq: 2 },
        { tag: 'b', value: 3, seq: 2 },
      ]);
      expect(await ledger()).toEqual({
        committed: '{[1,3)}',
        dead: '{}',
        samples: 3n,
        stored: 3n,
        rejected: 0n,
        duplicate_batches: 0n,
      });
      expect(await letters()).toMatchObject([{ code: 'batch/unsupported-version', attempts: 2, open: false }]);
      expect(await balance()).toMatchObject({ read: 3, stored: 3, rejected: 0, open: 0, deadBatches: 0, closed: true });
      expect(await logged(2)).toEqual([{ topic: 'fieldline.raw', samples: 2, stored: 2, rejected: 0 }]);
    });

    test('makes rows of the asked samples only, of the same batch, and counts them over', async () => {
      const now = Date.now() * 1_000;
      const far = now + 30 * 24 * hour;
      await store(
        gateway.batch([
          goodSample(tagOf('a'), 1, now),
          goodSample(tagOf('a'), 2, far),
          goodSample(tagOf('b'), 3, far + 1),
          goodSample(tagOf('c'), 4, far + 2),
          goodSample(tagOf('d'), 5, 1),
        ]),
      );
      const [id = ''] = await ids();
      expect(await letters()).toMatchObject([{ code: 'sample/time-out-of-window', positions: '{[1,5)}' }]);
      expect(await balance()).toMatchObject({ stored: 1, rejected: 4, open: 0 });

      expect(await redrive(id, '--position', '0')).toContainEqual(
        `${id}: nothing was done, it is about positions 1-4 of its batch, not about position 0`,
      );
      await redrive(id, '--position', '1', '--position', '3');
      expect(await rows()).toEqual([1, 2, 4].map((value) => expect.objectContaining({ value, seq: 1 })));
      expect(await letters()).toMatchObject([{ attempts: 1, redriven: '{[1,2),[3,4)}', open: true }]);
      expect(await ledger()).toMatchObject({ committed: '{[1,2)}', samples: 5n, stored: 3n, rejected: 2n });
      expect(await logged(1)).toMatchObject([{ samples: 5, stored: 3, rejected: 2 }]);

      const [said] = await redrive(id);
      expect(said).toContain(`${id}: stored 1 sample of batch 1`);
      expect(said).toContain('1 still dead: sample/time-out-of-window: its time lies');
      expect(await values()).toEqual([1, 2, 3, 4]);
      expect(await letters()).toMatchObject([{ attempts: 2, redriven: '{[1,4)}', open: true }]);
      expect(await balance()).toMatchObject({ read: 5, stored: 4, rejected: 1, open: 0, closed: true });
      const latest = await line.query(
        'SELECT tag, latest.value FROM latest JOIN series USING (series_id) WHERE gateway = $1 ORDER BY tag',
        [gateway.gateway],
      );
      expect(latest).toEqual([
        { tag: 'a', value: 2 },
        { tag: 'b', value: 3 },
        { tag: 'c', value: 4 },
      ]);
      expect((await redrive(id))[0]).toContain(`${id}: still dead, sample/time-out-of-window`);
      expect(isIncomplete).toBe(true);
    });

    test('stores nothing twice, whether redriven again or by two at the same time', async () => {
      const now = Date.now() * 1_000;
      const far = now + 30 * 24 * hour;
      for (let n = 0; n < 8; n++) {
        await line.send(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 10 + n, now + n)])));
        await line.send(gateway.batch([goodSample(tagOf('a'), 20 + n, now + n), goodSample(tagOf('b'), 30 + n, far)]));
      }
      await line.settled();
      await upgrade();
      const all = await ids();
      await Promise.all([redrive('--all'), redrive(...all.toReversed()), redrive('--gateway', gateway.gateway)]);
      const expected = [10, 20, 30].flatMap((base) => Array.from({ length: 8 }, (_, n) => base + n));
      expect(await values()).toEqual(expected);
      const again = await redrive(...all);
      expect(again.at(-1)).toBe('  16 left as they were');
      expect(again[0]).toMatch(/^\d+: nothing was done, it was redriven at \d{4}-/);
      expect(await values()).toEqual(expected);
      expect(await ledger()).toMatchObject({ committed: '{[1,17)}', dead: '{}', stored: 24n, rejected: 0n });
      expect(await balance()).toMatchObject({ stored: 24, duplicate: 0, rejected: 0, open: 0, closed: true });
    });

    test('stores what PostgreSQL refused once the reason is gone, and tells the newest reason until then', async () => {
      await line.query('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 100)');
      const now = Date.now() * 1_000;
      await store(gateway.batch([1, 102, 3, 204].map((value, n) => goodSample(tagOf('a'), value, now + n))));
      expect(await letters()).toMatchObject([{ code: 'database/data', stage: 'store', positions: '{[1,2),[3,4)}' }]);
      await line.query('ALTER TABLE sample DROP CONSTRAINT fits');
      await line.query('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 200)');
      const [id = ''] = await ids();
      expect((await redrive(id))[0]).toMatch(/stored 1 sample .*; 1 still dead: database\/data: .*"(\w+_)?fits"/);
      expect(await values()).toEqual([1, 3, 102]);
      await line.query('ALTER TABLE sample DROP CONSTRAINT fits');
      await redrive(id);
      expect(await values()).toEqual([1, 3, 102, 204]);
      expect(await balance()).toMatchObject({ read: 4, stored: 4, rejected: 0, closed: true });
    });

    test('tells in a dry run what would happen, and changes nothing', async () => {
      const far = Date.now() * 1_000 + 30 * 24 * hour;
      await store(
        ofTomorrow(gateway.batch([goodSample(tagOf('new'), 1)])),
        gateway.batch([goodSample(tagOf('a'), 2), goodSample(tagOf('a'), 3, far)]),
      );
      await upgrade();
      const series = () => line.query('SELECT tag FROM series WHERE gateway = $1', [gateway.gateway]);
      const before = [await letters(), await ledger(), await rows(), await logged(2), await series()];
      const dry = await redrive(...(await ids()), '--dry-run');
      expect([await letters(), await ledger(), await rows(), await logged(2), await series()]).toEqual(before);
      expect(dry.at(-2)).toBe('tried 2 letters in a dry run: nothing has changed');
      const wet = await redrive(...(await ids()));
      expect(wet.slice(0, 2)).toEqual(dry.slice(0, 2));
      expect(await values()).toEqual([1, 2, 3]);
    });

    test('is over when the letters are older than the settings keep them: maintenance deletes them', async () => {
      await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])), ofTomorrow(gateway.batch([])));
      const [old, young] = await ids();
      await line.query(`UPDATE dead_letter SET written_at = now() - INTERVAL '91 days' WHERE id = $1`, [old]);
      await waitFor(async () => {
        await keepTables();
        return (await ids()).length === 1;
      });
      expect(await ids()).toEqual([young]);
      expect(await redrive(`${old}`)).toContain(`${old}: nothing was done, there is no such letter`);
      expect(isIncomplete).toBe(true);
    });

    // How rows are written tells nothing more of these.
    if (name === 'plain PostgreSQL') {
      test('keeps what is still refused after a whole batch was stored as letters of its samples', async () => {
        const now = Date.now() * 1_000;
        await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1, now), goodSample(tagOf('a'), 2, 5)])));
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
        const batches = Array.from({ length: 12 }, (_, n) => gateway.batch([goodSample(tagOf('a'), n)]));
        await store(...batches.map(ofTomorrow));
        await upgrade();
        await Promise.all([redrive('--all'), store(...batches), redrive('--all')]);
        expect(await values()).toEqual(batches.map((_, n) => n));
        expect(await ledger()).toMatchObject({ committed: '{[1,13)}', dead: '{}', samples: 12n, stored: 12n });
        await redrive('--all');
        expect(await line.query('SELECT id FROM dead_letter WHERE redriven_at IS NULL')).toEqual([]);
      });

      test('closes a letter whose batch came whole in another copy', async () => {
        const batch = gateway.batch([goodSample(tagOf('a'), 1)]);
        await store(ofTomorrow(batch));
        await store(batch);
        const [id] = await ids();
        expect(await redrive('--all')).toEqual(['tried 1 letter', '  1 closed: there was nothing left to do']);
        expect(await letters()).toMatchObject([{ open: false }]);
        expect((await redrive(`${id}`))[0]).toContain('nothing was done, it was redriven at');
        expect(isIncomplete).toBe(false);
        expect(await values()).toEqual([1]);
        expect(await ledger()).toMatchObject({ dead: '{}', stored: 1n, duplicate_batches: 0n });
      });

      test('tells others of the rows, unless it is a dry run', async () => {
        await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])));
        await upgrade();
        const told: number[] = [];
        const own = openStore(line.config.database, 'test');
        const publish: Publish = async ({ rows: written }) => void told.push(...written.value);
        const parts = { store: own, edition: 'plain', window: line.config.processor, publish } as const;
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
          gateway.batch([
            goodSample(tagOf('a'), 1, now),
            goodSample(tagOf('a'), 2, far),
            goodSample(tagOf('a'), 3, far),
          ]),
        );
        // As a database has them that was emptied but for its dead letters, and filled again from the backbone.
        await line.query(
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
        await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1), goodSample(tagOf('a'), 2)])));
        await upgrade();
        await line.query('ALTER TABLE batch_log ADD CONSTRAINT fits CHECK (samples < 2) NOT VALID');
        await redrive('--all');
        expect(await letters()).toMatchObject([{ code: 'database/data', stage: 'store', attempts: 1, open: true }]);
        expect(await ledger()).toMatchObject({ committed: '{}', dead: '{[1,2)}', samples: 0n });
        expect(await values()).toEqual([]);
        await line.query('ALTER TABLE batch_log DROP CONSTRAINT fits');
        await redrive('--all');
        expect(await values()).toEqual([1, 2]);
      });

      test('takes a record without identity as if it came now, and the next acknowledgement tells it', async () => {
        const [first, second] = [
          gateway.batch([goodSample(tagOf('a'), 1)]),
          gateway.batch([goodSample(tagOf('a'), 2)]),
        ];
        const record = recordOf(first);
        await line.backbone.append(backboneTopics.raw, [
          { ...record, headers: { ...record.headers, topic: `elsewhere/${gateway.gateway}/batch` } },
        ]);
        await line.settled();
        expect(await letters()).toMatchObject([{ code: 'topic/unknown' }]);
        await redrive('--all');
        expect(await letters()).toMatchObject([{ code: 'topic/unknown', attempts: 1, open: true }]);
        // A decoder of tomorrow would claim the topic.
        await line.query(`UPDATE dead_letter SET headers = headers || jsonb_build_object('topic', $1::text)`, [
          record.headers.topic,
        ]);
        await redrive('--all');
        expect(await values()).toEqual([1]);
        await store(second);
        const ack = await waitFor(() => line.acks.findLast((each) => each.gateway === gateway.gateway));
        expect(ack.streams[0]?.committed).toEqual([[1, 2]]);
      });

      test('takes the topic from the key where a foreign connector wrote no headers', async () => {
        const { key: _, value } = recordOf(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])));
        const topic = `fieldline/${gateway.gateway}/batch`;
        await line.backbone.append(backboneTopics.raw, [{ key: topic, value, headers: {} }]);
        await line.settled();
        await upgrade();
        await redrive('--all');
        expect(await values()).toEqual([1]);
      });

      test('stores a message that the backbone could not take, and its rows lead to the letter', async () => {
        const { bytes } = gateway.batch([goodSample(tagOf('a'), 1)]);
        const topic = `fieldline/${gateway.gateway}/batch`;
        await line.query(
          `INSERT INTO dead_letter (received_at, gateway, stage, code, reason, topic, bytes, headers)
         VALUES (now(), $1, 'bridge', 'record/too-large', 'too large', $2, $3, $4)`,
          [gateway.gateway, topic, bytes, { topic }],
        );
        await redrive('--stage', 'bridge');
        const [id] = await ids();
        expect(await values()).toEqual([1]);
        expect(
          await line.query('SELECT topic, partition, record_offset::text FROM batch_log WHERE topic = $1', [
            'dead_letter',
          ]),
        ).toEqual([{ topic: 'dead_letter', partition: -1, record_offset: id }]);
      });

      test('does not let an old state come over a newer one', async () => {
        const broken = (sent: Sent): Sent => ({
          ...sent,
          bytes: Buffer.from(sent.bytes.toString().replace('"v":1', '"v":3')),
        });
        await store(broken(gateway.state({ online: false, reason: 'stopped' })), gateway.state());
        await store(broken(gateway.state({ online: false, reason: 'stopped' })));
        await line.query(
          `UPDATE dead_letter SET bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"v":3', '"v":1'), 'UTF8')`,
        );
        const [older, newer] = await ids();
        const online = () => line.query('SELECT online FROM gateway WHERE gateway = $1', [gateway.gateway]);
        expect((await redrive(`${older}`))[0]).toContain(`closed, a newer state of ${gateway.gateway} has come since`);
        expect(await online()).toEqual([{ online: true }]);
        expect((await redrive(`${newer}`))[0]).toBe(`${newer}: the state of ${gateway.gateway} was taken in`);
        expect(await online()).toEqual([{ online: false }]);
      });

      test('leaves a batch of another gateway dead, with its ledger as it was', async () => {
        await store(gateway.batch([goodSample(tagOf('a'), 1)]));
        const other = new Gateway(`${gateway.gateway}-clone`, null, gateway.stream);
        await store(other.batch([goodSample(tagOf('a'), 2)]));
        await redrive('--all');
        expect(await letters()).toMatchObject([
          { code: 'batch/foreign-gateway', stage: 'ledger', attempts: 1, open: true },
        ]);
        expect(await ledger()).toMatchObject({ committed: '{[1,2)}', stored: 1n });
      });

      test('waits for locks and connections that are lost, and makes no reason of them', async () => {
        await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])));
        await upgrade();
        const holder = new pg.Client({ connectionString: line.config.database.url });
        await holder.connect();
        await holder.query('BEGIN');
        await holder.query('SELECT FROM fieldline.stream WHERE stream = $1 FOR UPDATE', [gateway.stream]);
        const redriving = redrive('--all');
        const waiting = () =>
          line.query<{ pid: number }>(
            `SELECT pid FROM pg_stat_activity WHERE application_name = 'fieldline-dead-letters' AND wait_event_type = 'Lock'`,
          );
        const [first] = await waitFor(async () => ((await waiting()).length > 0 ? waiting() : null));
        await line.query('SELECT pg_terminate_backend($1)', [first?.pid]);
        await waitFor(async () => (await waiting()).some(({ pid }) => pid !== first?.pid));
        await holder.query('ROLLBACK');
        await holder.end();
        expect((await redriving)[1]).toBe('  1 stored, with 1 sample');
        expect(await letters()).toMatchObject([{ code: 'batch/unsupported-version', attempts: 1, open: false }]);
        expect(await values()).toEqual([1]);
      });

      test('says that an id is none, and that a record has no positions', async () => {
        await store(ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])));
        const [id = ''] = await ids();
        expect(await redrive('999999')).toContain('999999: nothing was done, there is no such letter');
        expect(await redrive(id, '--position', '0')).toContain(
          `${id}: nothing was done, it is about a whole record: redrive it without positions`,
        );
      });

      test('redrives what a filter names, and no other', async () => {
        const other = new Gateway();
        await store(
          ofTomorrow(gateway.batch([goodSample(tagOf('a'), 1)])),
          ofTomorrow(other.batch([goodSample(tagOf('a'), 2)])),
        );
        await upgrade();
        expect(await redrive('--gateway', gateway.gateway, '--to', '2026-01-01')).toEqual(['no letter to try']);
        await redrive('--gateway', gateway.gateway, '--code', 'batch/unsupported-version', '--from', '2026-01-01');
        expect(await line.query('SELECT gateway FROM dead_letter WHERE redriven_at IS NULL')).toEqual([
          { gateway: other.gateway },
        ]);
      });
    }

    if (name === 'TimescaleDB') {
      test('writes late rows into chunks that are compressed, and the roll-ups follow', async () => {
        const old = Date.now() * 1_000 - 20 * 24 * hour;
        const inMinutes = async () => {
          const [sum] = await line.query<{ count: number }>(
            'SELECT sum(count)::int AS count FROM sample_1m JOIN series USING (series_id) WHERE gateway = $1',
            [gateway.gateway],
          );
          return sum?.count;
        };
        await line.query('ALTER TABLE sample ADD CONSTRAINT fits CHECK (value < 1000)');
        await store(
          gateway.batch(Array.from({ length: 200 }, (_, n) => goodSample(tagOf('a'), 900 + n, old + n * 1_000_000))),
        );
        await line.query('ALTER TABLE sample DROP CONSTRAINT fits');
        await line.query(`SELECT compress_chunk(chunk, true) FROM show_chunks('sample') AS chunk`);
        await keepTables();
        expect(await inMinutes()).toBe(100);
        expect((await redrive('--all')).at(-1)).toBe('  1 stored, with 100 samples');
        expect((await values()).length).toBe(200);
        expect(await inMinutes()).toBe(200);
        await keepTables();
        expect(await inMinutes()).toBe(200);
        expect((await redrive(...(await ids())))[0]).toContain('it was redriven at');
      });
    }
  });
}
