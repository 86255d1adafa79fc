import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requirePostgres, startAedes } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

/** Beside the database itself, as its administrator. */
async function administer(url: string, statements: (name: string) => readonly string[]): Promise<void> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = '/postgres';
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  for (const statement of statements(name)) await client.query(statement);
  await client.end();
}

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

  const incarnation = async (line: Line): Promise<string | undefined> =>
    (await line.query<{ id: string }>('SELECT id FROM fieldline.incarnation'))[0]?.id;

  it('put back from a backup, and the log of the backbone lost with it: the gateway sends again what it kept', async () => {
    const line = await start();
    await line.ingest.stop();
    await administer(line.databaseUrl, (name) => [
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      `CREATE DATABASE ${name}_backup TEMPLATE ${name}`,
    ]);
    closers.push(() => administer(line.databaseUrl, (name) => [`DROP DATABASE IF EXISTS ${name}_backup`]));
    const before = await incarnation(line);
    await line.ingest.start();
    await line.flows(300);
    await line.ingest.kill();
    await administer(line.databaseUrl, (name) => [
      `DROP DATABASE ${name} WITH (FORCE)`,
      `CREATE DATABASE ${name} TEMPLATE ${name}_backup`,
    ]);
    rmSync(join(dirname(line.journalFolder), 'log'), { recursive: true });
    await line.ingest.start();
    await line.flows();
    await line.settle();
    await expectAllStored(line);
    expect(await incarnation(line)).not.toBe(before);
  }, 120_000);

  it('emptied, and the log of the backbone lost with it: the gateway sends again what it kept', async () => {
    const line = await start();
    await line.ingest.kill();
    await administer(line.databaseUrl, (name) => [`DROP DATABASE ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`]);
    rmSync(join(dirname(line.journalFolder), 'log'), { recursive: true });
    await line.ingest.start();
    await line.flows();
    await line.settle();
    await expectAllStored(line);
  }, 120_000);
});
