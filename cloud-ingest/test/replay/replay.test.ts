import { systemClock } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import { carryOut } from '../../src/registry/carry-out.ts';
import { openStore } from '../../src/store/connection.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { editionOfSchema } from '../../src/store/migrate.ts';
import { describeEachLine } from '../processor/each-line.ts';
import { Gateway, insist } from '../processor/line.ts';
import { batchAt, dayMs, fill, hours, minuteMs, type Reading, readings } from './past.ts';
import { always, expectConsistent, replay } from './replays.ts';

describeEachLine('a replay on', { started: true }, (line, server) => {
  const now = Date.now();

  /** As if a wrong scale had been applied, and the aggregates had been made from it. */
  async function spoil(): Promise<void> {
    for (const table of ['sample', 'latest']) await insist(line.query, `UPDATE ${table} SET value = value * 100`);
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
  const iso = (ms: number): string => `'${new Date(ms).toISOString()}'`;

  test('brings rows in line with a scale that was corrected, and latest values and every aggregate with them', async () => {
    const gateway = new Gateway();
    await fill(line, now, gateway, new Gateway());
    await refreshAll();
    const before = await readings(line);
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
    expect(await readings(line)).toEqual(
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
    await fill(line, now, one, two);
    const right = await readings(line);
    await spoil();
    const wrong = await readings(line);
    const [from, to] = [now - 95 * minuteMs, now - 40 * minuteMs];
    const isIn = ({ time, gateway }: Reading): boolean =>
      gateway === one.gateway && time.getTime() >= from && time.getTime() < to;
    const filter = { from: from * 1_000, to: to * 1_000, gateway: one.gateway };
    expect((await replay(line, { filter: { ...filter, by: 'received' } })).plan).toEqual([]);
    const { tally } = await replay(line, { filter: { ...filter, by: 'sample' } });
    expect(tally).toMatchObject({ batches: 5, stored: 10, rejected: 0, absent: 0 });
    expect(await readings(line)).toEqual(right.map((row, n) => (isIn(row) ? row : wrong[n])));
    await expectConsistent(line.query);
    const received = { by: 'received', from: (now - minuteMs) * 1_000, to: 8e15, gateway: null } as const;
    expect((await replay(line, { filter: received })).tally.batches).toBe((hours * 6 + 1) * 2);
    expect(await readings(line)).toEqual(right);
    await expectConsistent(line.query);
  });

  test('does no harm to batches that come for the same streams at the same time, nor they to it', async () => {
    const gateways = [new Gateway(), new Gateway()];
    await fill(line, now, ...gateways);
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
    if (server === 'TimescaleDB') {
      await insist(line.query, `SELECT drop_chunks('sample', older_than => INTERVAL '2 days')`);
    }
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
});
