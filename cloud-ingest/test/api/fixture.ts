/** A database as the processor leaves it, and the API over it. */
import { type ApiConfig, type IngestConfig, ingestSchema } from '@fieldline/shared/config';
import {
  createHealth,
  createMetrics,
  type Health,
  type Metrics,
  silentLog,
  systemClock,
} from '@fieldline/shared/runtime';
import { requirePostgres } from '@fieldline/shared/testing';
import pg from 'pg';
import { expect } from 'vitest';
import type { z } from 'zod';
import { startApi } from '../../src/api/api.ts';
import { pageSchema } from '../../src/api/page-of.ts';
import { migrate } from '../../src/store/migrate.ts';

export type Sql = <Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<Row[]>;
export type Fixture = { readonly url: string; readonly sql: Sql; readonly close: () => Promise<void> };

/** A new database with the tables of the migrations, and nothing in them. */
export async function createFixture(): Promise<Fixture> {
  const database = await (await requirePostgres()).createDatabase();
  const fixture = await openFixture(database.url);
  return {
    ...fixture,
    close: async () => {
      await fixture.close();
      await database.drop();
    },
  };
}

export async function openFixture(url: string): Promise<Fixture> {
  const pool = new pg.Pool({
    connectionString: url,
    options: '-c search_path=fieldline,public -c timezone=UTC',
    max: 2,
  });
  pool.on('error', () => {});
  await migrate(configFor(url).database, silentLog);
  return {
    url,
    sql: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(text, [...values])).rows,
    close: () => pool.end(),
  };
}

const configFor = (url: string, api: Partial<ApiConfig> = {}): IngestConfig =>
  ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1883' },
    backbone: { kind: 'embedded', folder: 'unused' },
    database: { url },
    api: { port: 0, ...api },
  });

export type TestApi = {
  readonly url: string;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly get: (path: string, init?: RequestInit) => Promise<{ status: number; headers: Headers; body: unknown }>;
  readonly close: () => Promise<void>;
};

export async function startTestApi(databaseUrl: string, api: Partial<ApiConfig> = {}): Promise<TestApi> {
  const config = configFor(databaseUrl, api);
  const metrics = createMetrics();
  const health = createHealth();
  const started = await startApi({ config, clock: systemClock, log: silentLog, metrics, health });
  return {
    url: started.url,
    metrics,
    health,
    get: async (path, init = {}) => {
      const response = await fetch(new URL(path, started.url), { redirect: 'manual', ...init });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') ?? false;
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
    close: started.close,
  };
}

/** The schemas are strict: a reply that they take is what the OpenAPI document promises. */
export async function readPage<Item extends z.ZodType>(api: TestApi, path: string, item: Item) {
  const { status, body } = await api.get(`/api/v1/${path}`);
  expect(status).toBe(200);
  const { items, next } = body as { items: unknown[]; next: string | null };
  return pageSchema(item).parse({ items, next });
}
