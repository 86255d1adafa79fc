import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requirePostgres, type TestDatabase } from '@fieldline/shared/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { migrated } from '../migrated.ts';

const folder = fileURLToPath(new URL('../../grafana/', import.meta.url));
const datasource = z.object({ uid: z.string() });
const dashboardSchema = z.looseObject({
  title: z.string(),
  templating: z.object({ list: z.array(z.looseObject({ name: z.string(), query: z.string(), datasource })) }),
  panels: z.array(
    z.looseObject({
      title: z.string(),
      targets: z.array(z.looseObject({ rawSql: z.string(), format: z.string(), datasource })),
    }),
  ),
});
const file = join(folder, 'dashboards', 'fieldline.json');
const dashboard = dashboardSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
const provisioned = z
  .object({ datasources: z.array(z.looseObject({ uid: z.string(), user: z.string() })) })
  .parse(parse(readFileSync(join(folder, 'provisioning', 'datasources', 'fieldline.yaml'), 'utf8')));

/** What Grafana puts in the place of its variables. */
const filled = (sql: string): string =>
  sql
    .replaceAll(/\$__timeFilter\((\w+)\)/g, "$1 BETWEEN now() - interval '1 hour' AND now()")
    .replaceAll('($tag)', "('level', 'flow')")
    .replaceAll(/'\$(gateway|device)'/g, "'x'");

describe('the dashboard', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await (await requirePostgres()).createDatabase();
    migrated(database.url);
    client = new pg.Client({ connectionString: database.url, options: '-c search_path=fieldline' });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const queries: [string, string, string][] = [
    ...dashboard.templating.list.map((variable): [string, string, string] => [
      `variable ${variable.name}`,
      variable.query,
      'table',
    ]),
    ...dashboard.panels.flatMap((panel) =>
      panel.targets.map((target): [string, string, string] => [panel.title, target.rawSql, target.format]),
    ),
  ];

  test.each(queries)('%s: its query fits the tables', async (_name, sql, format) => {
    expect(filled(sql)).not.toContain('$');
    const { fields } = await client.query(filled(sql));
    if (format === 'time_series') expect(fields.map(({ name }) => name)).toEqual(['time', 'metric', 'value']);
  });

  test('every query goes to the data source that is provisioned, with the account that only reads', () => {
    const uids = [...dashboard.templating.list, ...dashboard.panels.flatMap(({ targets }) => targets)].map(
      (one) => one.datasource.uid,
    );
    expect(new Set(uids)).toEqual(new Set(provisioned.datasources.map(({ uid }) => uid)));
    expect(provisioned.datasources[0]?.user).toBe('fieldline_grafana');
  });

  test('the folder holds dashboards only, since Grafana loads every file of it', () => {
    expect(readdirSync(join(folder, 'dashboards')).filter((name) => !name.endsWith('.json'))).toEqual([]);
  });
});
