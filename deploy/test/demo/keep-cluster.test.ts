import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, waitFor } from '@fieldline/shared/testing';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../demo/database.ts';

async function open() {
  const notices: string[] = [];
  const failures: Error[] = [];
  const database = await openDatabase(undefined, temporaryFolder(), {
    notice: (line) => notices.push(line),
    gaveUp: (error) => failures.push(error),
  });
  onTestFinished(database.close);
  const kill = (): boolean =>
    process.kill(Number.parseInt(readFileSync(join(database.place, 'postmaster.pid'), 'utf8'), 10), 'SIGKILL');
  return { ...database, notices, failures, kill };
}

async function execute(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('an embedded database that is killed is started again at the same address with the same rows', async () => {
  const database = await open();
  await execute(database.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  database.kill();
  await waitFor(() => database.notices.length > 0, { what: 'the notice' });
  const rows = await waitFor(() => execute(database.url, 'SELECT n FROM kept'), { what: 'the database again' });
  expect(rows).toEqual([{ n: 7 }]);
  expect(database.notices[0]).toBe('PostgreSQL ended (SIGKILL) and is started again');
  expect(database.failures).toEqual([]);
});

test('an embedded database that does not start again ends the run with what to do', async () => {
  const database = await open();
  rmSync(join(database.place, 'global', 'pg_control'));
  database.kill();
  const failure = await waitFor(() => database.failures[0], { what: 'the database to be given up' });
  expect(failure.message).toMatch(/does not stay up: .*--database URL[\s\S]*pg_control/);
  expect(database.notices).toHaveLength(2);
});

test('a run that is stopped while its database is started again leaves no server behind', async () => {
  const database = await open();
  database.kill();
  await waitFor(() => database.notices.length > 0, { what: 'the notice' });
  await database.close();
  await expect(execute(database.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  expect(database.failures).toEqual([]);
});
