import { systemClock } from '@fieldline/shared/runtime';
import { describeWith, type TestPostgres, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { carryOut } from '../../src/registry/carry-out.ts';
import { openStore } from '../../src/store/connection.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema } from '../../src/store/migrate.ts';
import {
  Gateway,
  goodSample,
  type Line,
  openBackbone,
  openLine,
  recordOf,
  type Sent,
  servers,
  tagOf,
} from '../processor/line.ts';
import { always, expectConsistent, replay } from './replays.ts';

const hours = 5;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

for (const { name, requirement, open } of servers) {
  describeWith(requirement, `a replay on ${name}`, () => {
    let server: TestPostgres;
    let line: Line;
    const now = Date.now();
    beforeAll(async () => {
      server = await open();
    });
    afterAll(async () => {
      if ('close' in server && typeof server.close === 'function') await server.close();
    });
    beforeEach(async () => {
      line = await openLine(server);
      await line.start();
    });
    afterEach(() => line.close());

    /** A batch of each gateway every ten minutes, from hours ago until now. */
    async function fill(...gateways: readonly Gateway[]): Promise<void> {
      const sent: Sent[] = [];
      for (let minute = hours * 60; minute >= 0; minute -= 10)
        for (const gateway of gateways) sent.push(batchAt(gateway, now - minute * minuteMs));
      await line.send(...sent);
      await line.settled();
    }
    const batchAt = (gateway: Gateway, ms: number): Sent =>
      gateway.batch(['a', 'b'].map((tag, n) => goodSample(tagOf(tag), (ms / 1_000) % 1_000, ms * 1_000 + n)));
    /** As if a wrong scale had been applied, and the aggregates had been made from it. */
    async function spoil(): Promise<void> {
      await line.query('UPDATE sample SET value = value * 100');
      await line.query('UPDATE latest SET value = value * 100');
      await refreshAll();
    }
    async function refreshAll(): Promise<void> {
      await line.query(`INSERT INTO touched_1m SELECT DISTINCT date_trunc('minute', time) FROM sample`);
      await maintained();
    }
    /** The processor's own maintenance may be at it: then it is waited for. */
    async function maintained(): Promise<void> {
      const { database } = line.config;
      const store = openStore(database, 'maintenance');
      const edition = await store.withSession((session) => editionOfSchema(session, database.schema));
      await waitFor(
        async () => (await maintain({ store, config: database, edition, clock: systemClock })).levels.length > 0,
      );
      await store.close();
    }
    type Reading = { time: Date; gateway: string; tag: string; value: number };
    const rows = () =>
      line.query<Reading>('SELECT time, gateway, tag, value, text, quality FROM reading ORDER BY 1, 2, 3');
    const iso = (ms: number): string => `'${new Date(ms).toISOString()}'`;

    test('brings rows in line with a scale that was corrected, and latest values and every aggregate with them', async () => {
      const gateway = new Gateway();
      await fill(gateway, new Gateway());
      await refreshAll();
      const before = await rows();
      const since = now - 2 * 60 * minuteMs;
      const store = openStore(line.config.database, 'registry');
      const edit = { gateway: gateway.gateway, device: 'plc1', tag: 'a', stated: { scale: 0.1 }, released: [] };
      await carryOut(store, {
        edits: [edit],
        since: { validFrom: since * 1_000, note: null },
        dryRun: false,
        problemsOf: (found) => found.map(({ message }) => message),
      });
      await store.close();
      await line.backbone.ensureTopic('normalised');
      const { tally } = await replay(line, {
        filter: { ...always, gateway: gateway.gateway },
        processor: { ...line.config.processor, normalisedTopic: 'normalised' },
      });
      const told = await line.backbone.bounds('normalised');
      expect(told.reduce((sum, { next }) => sum + next, 0)).toBe(tally.batches);
      expect(tally.batches).toBe(hours * 6 + 1);
      expect(tally.leftBehind()).toEqual([]);
      expect(await rows()).toEqual(
        before.map((row) =>
          row.gateway === gateway.gateway && row.tag === 'a' && row.time.getTime() >= since
            ? { ...row, value: row.value * 0.1 }
            : row,
        ),
      );
      await expectConsistent(line.query);
    });

    test('touches what was asked for and nothing else, by the time of samples and by reception', async () => {
      const [one, two] = [new Gateway(), new Gateway()];
      await fill(one, two);
      const right = await rows();
      await spoil();
      const wrong = await rows();
      const [from, to] = [now - 95 * minuteMs, now - 40 * minuteMs];
      const isIn = ({ time, gateway }: Reading): boolean =>
        gateway === one.gateway && time.getTime() >= from && time.getTime() < to;
      const filter = { from: from * 1_000, to: to * 1_000, gateway: one.gateway };
      expect((await replay(line, { filter: { ...filter, by: 'received' } })).plan).toEqual([]);
      const { tally } = await replay(line, { filter: { ...filter, by: 'sample' } });
      expect(tally).toMatchObject({ batches: 5, stored: 10, rejected: 0, absent: 0 });
      expect(await rows()).toEqual(right.map((row, n) => (isIn(row) ? row : wrong[n])));
      await expectConsistent(line.query);
      const received = { by: 'received', from: (now - minuteMs) * 1_000, to: 8e15, gateway: null } as const;
      expect((await replay(line, { filter: received })).tally.batches).toBe((hours * 6 + 1) * 2);
      expect(await rows()).toEqual(right);
      await expectConsistent(line.query);
    });

    test('does no harm to batches that come for the same streams at the same time, nor they to it', async () => {
      const gateways = [new Gateway(), new Gateway()];
      await fill(...gateways);
      await spoil();
      let replaying = true;
      let sent = 0;
      const live = async (): Promise<void> => {
        while (replaying) {
          const batches = gateways.map((gateway) => batchAt(gateway, Date.now()));
          // The first of each comes twice.
          await line.send(...batches, ...batches.slice(0, 1));
          sent += batches.length;
          // As in a replay that meets them on the way: some are read while they are stored.
          await waitFor(async () => line.query('SELECT 1'));
        }
      };
      const sending = live();
      // A small rate: many transactions, each beside the processor's.
      const { tally } = await replay(line, { samplesPerSecond: 500 });
      await replay(line);
      replaying = false;
      await sending;
      await line.settled();
      expect(sent).toBeGreaterThan(0);
      expect(tally.leftBehind()).toEqual([]);
      const [count] = await line.query('SELECT count(*)::int AS n FROM sample');
      expect(count).toEqual({ n: ((hours * 6 + 1) * 2 + sent) * 2 });
      await expectConsistent(line.query);
    });

    test('leaves rows and aggregates alone where retention has dropped rows, or is about to', async () => {
      const gateway = new Gateway();
      const old = now - 3 * dayMs;
      await line.send(
        ...[0, 1, 2].map((n) => batchAt(gateway, old + n * minuteMs)),
        batchAt(gateway, now - 20 * minuteMs),
      );
      await line.settled();
      await refreshAll();
      const aggregates = await line.query(`SELECT * FROM sample_1h WHERE bucket < ${iso(now - dayMs)} ORDER BY bucket`);
      // As the retention does it, which looks at chunks: one batch of the old ones had its rows where they stay.
      // And again when the server takes it as the victim of a deadlock with its own jobs, as it does with that of the retention.
      const dropped = () => line.query(`SELECT drop_chunks('sample', older_than => INTERVAL '2 days')`);
      if (name === 'TimescaleDB') await waitFor(dropped, { what: 'the old chunks to be dropped' });
      const retained = { ...line.config.database, retainRawMs: 2 * dayMs };
      const { plan, tally } = await replay(line, { database: retained });
      expect(plan.map(({ fate, batches }) => [fate, batches])).toEqual([
        ['expired', 3],
        ['repairable', 1],
      ]);
      expect(tally).toMatchObject({ batches: 1, stored: 2, absent: 0 });
      expect(await line.query(`SELECT * FROM sample_1h WHERE bucket < ${iso(now - dayMs)} ORDER BY bucket`)).toEqual(
        aggregates,
      );
    });

    // What follows is the same whatever keeps the tables.
    if (name !== 'plain PostgreSQL') return;

    test('leaves alone what the backbone no longer has, and what is another record there', async () => {
      const gateway = new Gateway();
      await fill(gateway);
      const before = await rows();
      // Another log under the same name, half as long.
      const other = {
        ...line.config,
        backbone: { ...line.config.backbone, folder: `${String(Reflect.get(line.config.backbone, 'folder'))}-2` },
      };
      const backbone = openBackbone(other as typeof line.config);
      await backbone.ensureTopic('fieldline.raw');
      const stranger = new Gateway(gateway.gateway);
      const records = Array.from({ length: 10 }, () => batchAt(stranger, now));
      await backbone.append('fieldline.raw', records.map(recordOf));
      const { plan, tally } = await replay({ config: line.config, backbone });
      await backbone.close();
      expect(plan.map(({ fate, batches, fromOffset, toOffset }) => [fate, batches, fromOffset, toOffset])).toEqual([
        ['gone', hours * 6 + 1 - 10, 10, hours * 6],
        ['repairable', 10, 0, 9],
      ]);
      expect(tally.leftBehind()).toMatchObject([
        { why: 'differs', batches: 10, samples: 20, fromOffset: 0, toOffset: 9 },
      ]);
      expect(tally.batches).toBe(0);
      expect(await rows()).toEqual(before);
    });

    test('follows the accepted window: samples become rows or dead letters, and counts and letters with them', async () => {
      const gateway = new Gateway();
      const time = (ms: number) => (now - ms) * 1_000;
      await line.send(
        gateway.batch([goodSample(tagOf('a'), 1, time(2 * dayMs)), goodSample(tagOf('a'), 2, time(10 * minuteMs))]),
        gateway.batch([goodSample(tagOf('a'), 3, time(0)), goodSample(tagOf('b'), 4, time(3 * dayMs))]),
      );
      await line.settled();
      const letters = () =>
        line.query(
          'SELECT code, positions::text, redriven::text, redriven_at IS NOT NULL AS done FROM dead_letter ORDER BY id',
        );
      const counts = async () => (await line.query('SELECT samples, stored, rejected FROM stream'))[0];
      expect(await counts()).toEqual({ samples: 4n, stored: 4n, rejected: 0n });
      const narrow = { ...line.config.processor, acceptPastMs: dayMs };
      expect((await replay(line, { processor: narrow })).tally).toMatchObject({ stored: 2, rejected: 2 });
      expect(await counts()).toEqual({ samples: 4n, stored: 2n, rejected: 2n });
      const dead = { code: 'sample/time-out-of-window', redriven: '{}', done: false };
      expect(await letters()).toEqual([
        { ...dead, positions: '{[0,1)}' },
        { ...dead, positions: '{[1,2)}' },
      ]);
      await expectConsistent(line.query);
      // The same again changes nothing, not even the letters.
      await replay(line, { processor: narrow });
      expect(await letters()).toHaveLength(2);
      await replay(line);
      expect(await counts()).toEqual({ samples: 4n, stored: 4n, rejected: 0n });
      expect(await letters()).toEqual([
        { ...dead, positions: '{[0,1)}', redriven: '{[0,1)}', done: true },
        { ...dead, positions: '{[1,2)}', redriven: '{[1,2)}', done: true },
      ]);
      await expectConsistent(line.query);
    });

    test('lets the latest value fall back to the newest row that is left, and never to an older batch of the same time', async () => {
      const gateway = new Gateway();
      const at = (minutes: number): number => (Date.now() + minutes * minuteMs) * 1_000;
      const same = at(-60);
      await line.send(
        gateway.batch([goodSample(tagOf('a'), 1, at(-30)), goodSample(tagOf('b'), 1, same)]),
        gateway.batch([goodSample(tagOf('a'), 2, at(-20)), goodSample(tagOf('b'), 2, same)]),
        gateway.batch([goodSample(tagOf('a'), 3, at(50))]),
      );
      await line.settled();
      const latest = () => line.query('SELECT tag, value FROM latest JOIN series USING (series_id) ORDER BY tag');
      expect(await latest()).toEqual([
        { tag: 'a', value: 3 },
        { tag: 'b', value: 2 },
      ]);
      // The third batch is of the future for this one; of the others only the first is read.
      const strict = { ...line.config.processor, acceptFutureMs: 600_000 };
      await replay(line, { processor: strict, filter: { ...always, from: at(0) } });
      expect(await latest()).toEqual([
        { tag: 'a', value: 2 },
        { tag: 'b', value: 2 },
      ]);
      await replay(line, { filter: { ...always, to: at(-25) } });
      expect(await latest()).toEqual([
        { tag: 'a', value: 2 },
        { tag: 'b', value: 2 },
      ]);
      await expectConsistent(line.query);
    });

    test('gives a tag no type that it had before', async () => {
      const gateway = new Gateway();
      await line.send(gateway.batch([goodSample(tagOf('a', 'int16'), 1)]), gateway.batch([goodSample(tagOf('a'), 2)]));
      await line.settled();
      await replay(line);
      expect(await line.query('SELECT type FROM series')).toEqual([{ type: 'float64' }]);
    });

    test('runs once at a time, and only for batches with the device', async () => {
      const gateway = new Gateway();
      const of = (device: string) => gateway.batch([goodSample(tagOf('a', 'float64', device), 1)]);
      await line.send(of('plc1'), of('plc2'), of('plc1'));
      await line.settled();
      const stop = new AbortController();
      const running = replay(line, { samplesPerSecond: 0.01, signal: stop.signal });
      await waitFor(
        async () =>
          (await line.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = x'7265706c'::int8`)).length >
          0,
      );
      await expect(replay(line)).rejects.toMatchObject({ code: 'replay/running' });
      stop.abort();
      await running;
      expect((await replay(line, { device: 'plc2' })).tally).toMatchObject({ batches: 1, passedOver: 2 });
      await expectConsistent(line.query);
    });
  });
}
