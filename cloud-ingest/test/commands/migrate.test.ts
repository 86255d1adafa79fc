import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '../../src/commands/migrate.ts';
import { newestVersion } from '../../src/store/migrations/index.ts';
import { configFor, queryOf } from '../processor/line.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await (await requirePostgres()).createDatabase();
});
afterEach(() => database.drop());

let said: string[] = [];

async function migrate(url: string, ...args: string[]): Promise<string> {
  said = [];
  const parts = { config: configFor(url, '/nowhere'), clock: systemClock, log: silentLog, callOf: String };
  const say = (line: string): void => void said.push(line);
  await run({ ...parts, args, signal: new AbortController().signal, say });
  return said.join('\n');
}

test('a dry run prints what it would do, and does not', async () => {
  const script = await migrate(database.url, '--dry-run');
  expect(script).toMatch(
    /^-- server: PostgreSQL \d+.*without TimescaleDB\n-- edition: PostgreSQL without TimescaleDB\n/,
  );
  expect(script).toContain(`-- schema fieldline: at version 0, would go to ${newestVersion}`);
  expect(script).toContain('CREATE SCHEMA IF NOT EXISTS fieldline;');
  expect(script).toContain('CREATE TABLE sample (');
  expect(await queryOf(database.url)(`SELECT to_regnamespace('fieldline') AS schema`)).toEqual([{ schema: null }]);
  await migrate(database.url);
  expect(await migrate(database.url, '--dry-run')).toContain('-- nothing would be changed');
});

test('a dry run of a user who may not prints it all the same, and ends with what has to be granted', async () => {
  const query = queryOf(database.url);
  const name = new URL(database.url).pathname.slice(1);
  const role = `reader_${name}`;
  await query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'x';
  await expect(migrate(url.href, '--dry-run')).rejects.toMatchObject({
    code: 'database/refused',
    message: expect.stringContaining(`GRANT CREATE, CONNECT ON DATABASE ${name} TO ${role};`),
  });
  expect(said.join()).toContain('CREATE TABLE sample (');
  await query(`DROP ROLE ${role}`);
});

test('an argument that there is not is told with the usage', async () => {
  await expect(migrate(database.url, '--dry')).rejects.toThrow(/--dry.*--dry-run/s);
});
