import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { administer, requirePostgres, startAedes, waitFor } from '@fieldline/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

describe('a database that loses what it had confirmed', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function start(): Promise<Line> {
    const database = await (await requirePostgres()).createDatabase();
    closers.push(database.drop);
    const broker = await startAedes();
    closers.push(broker.close);
    const line = await startLine({
      brokerUrl: broker.url,
      databaseUrl: database.url,
      devices: ['plc', 'meter'],
      journal: { keepConfirmedForMs: 3_600_000 },
    });
    closers.push(line.close);
    await line.flows();
    return line;
  }

  type Confirmed = { readonly stream: string; readonly committed: string };
  const confirmed = (line: Line) => line.query<Confirmed>('SELECT stream, committed::text FROM fieldline.stream');
  /** The ledger confirms again what it confirmed before. */
  const hasAgain = async (line: Line, before: readonly Confirmed[]): Promise<boolean> => {
    const [row] = await line.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM fieldline.stream JOIN unnest($1::uuid[], $2::int8multirange[]) AS before (stream, committed) USING (stream)
       WHERE stream.committed @> before.committed`,
      [before.map(({ stream }) => stream), before.map(({ committed }) => committed)],
    );
    return row?.n === before.length;
  };
  async function comesBack(line: Line, before: readonly Confirmed[]): Promise<void> {
    // Nothing but the gateway has it now.
    rmSync(join(dirname(line.journalFolder), 'log'), { recursive: true });
    await line.ingest.start();
    await waitFor(() => hasAgain(line, before).catch(() => false), {
      timeoutMs: 60_000,
      what: 'the ledger to be as it was',
    });
  }

  it('put back from a backup, then emptied, each time with the log of the backbone: the gateway sends again what it kept', async () => {
    const line = await start();
    await line.ingest.stop();
    await administer(line.databaseUrl, (name) => [
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      `CREATE DATABASE ${name}_backup TEMPLATE ${name}`,
    ]);
    closers.push(() => administer(line.databaseUrl, (name) => [`DROP DATABASE IF EXISTS ${name}_backup`]));
    await line.ingest.start();
    await line.flows(300);
    await line.ingest.kill();
    const beforeRestore = await confirmed(line);
    await administer(line.databaseUrl, (name) => [
      `DROP DATABASE ${name} WITH (FORCE)`,
      `CREATE DATABASE ${name} TEMPLATE ${name}_backup`,
    ]);
    expect(await hasAgain(line, beforeRestore)).toBe(false);
    await comesBack(line, beforeRestore);

    await line.ingest.kill();
    const beforeEmptied = await confirmed(line);
    await administer(line.databaseUrl, (name) => [`DROP DATABASE ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`]);
    await comesBack(line, beforeEmptied);
    await line.settle();
    await expectAllStored(line);
  }, 120_000);
});
