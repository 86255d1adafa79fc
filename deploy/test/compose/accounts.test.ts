import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, type OwnPostgres, startPostgres, temporaryFolder, timescale } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { init } from '../../compose/init.ts';

const script = fileURLToPath(new URL('../../compose/timescaledb/accounts.sh', import.meta.url));

describeWith(timescale, 'the accounts of the database container', () => {
  const secrets = temporaryFolder();
  let server: OwnPostgres;

  async function query<Row extends object>(user: string, secret: string, sql: string): Promise<Row[]> {
    const url = new URL(server.url);
    url.username = user;
    url.password = readFileSync(join(secrets, secret), 'utf8');
    url.pathname = '/fieldline';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    init(secrets);
    server = await startPostgres({ timescale: true });
    const { hostname, port, username, password } = new URL(server.url);
    const run = spawnSync('sh', [script], {
      encoding: 'utf8',
      env: {
        ...process.env,
        FIELDLINE_SECRETS: secrets,
        PGHOST: hostname,
        PGPORT: port,
        POSTGRES_USER: username,
        PGPASSWORD: password,
      },
    });
    expect(run.stderr.replace(/^(WARNING|NOTICE|psql:.*NOTICE).*$/gm, '')).not.toMatch(/ERROR|FATAL/);
    expect(run.status).toBe(0);
  });
  afterAll(() => server.close());

  test('the owner may make its schema; the extension is there already', async () => {
    await query(
      'fieldline',
      'database-fieldline',
      'CREATE SCHEMA fieldline; CREATE TABLE fieldline.shown AS SELECT 1 AS one',
    );
    const rows = await query(
      'fieldline',
      'database-fieldline',
      `SELECT FROM pg_extension WHERE extname = 'timescaledb'`,
    );
    expect(rows).toHaveLength(1);
  });

  test('Grafana reads, and changes nothing', async () => {
    expect(await query('fieldline_grafana', 'database-grafana', 'SELECT one FROM shown')).toEqual([{ one: 1 }]);
    const change = 'BEGIN READ WRITE; DELETE FROM shown';
    await expect(query('fieldline_grafana', 'database-grafana', change)).rejects.toThrow(/permission denied/);
  });
});
