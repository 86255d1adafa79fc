/** The editions on which the store must answer the same, each on a server that the whole run shares. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  type PostgresKind,
  type Requirement,
  requireServer,
  systemPostgres,
  type TestDatabase,
  timescale,
} from '@fieldline/shared/testing';
import type pg from 'pg';
import { openStore, type Store } from '../../src/store/connection.ts';
import type { Edition } from '../../src/store/edition.ts';
import { maintain } from '../../src/store/maintenance/maintenance.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, queryOf } from '../processor/line.ts';

type EditionUnderTest = {
  readonly name: string;
  readonly kind: PostgresKind;
  readonly edition: Edition;
  readonly requirement: Requirement;
};

export const editionsUnderTest: readonly EditionUnderTest[] = [
  {
    name: 'PostgreSQL of npm',
    kind: 'postgres',
    edition: 'plain',
    requirement: { name: 'postgres', skipReason: null },
  },
  { name: 'PostgreSQL of the system', kind: 'system-postgres', edition: 'plain', requirement: systemPostgres },
  { name: 'the Apache edition', kind: 'timescale-apache', edition: 'timescale-apache', requirement: timescale },
  { name: 'the community edition', kind: 'timescale', edition: 'timescale', requirement: timescale },
];

export type TestStore = {
  readonly database: TestDatabase;
  readonly config: DatabaseConfig;
  readonly edition: Edition;
  readonly store: Store;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  /** Rounds of maintenance until nothing is due; at `nowUs` where it is given. */
  readonly keep: (nowUs?: number) => Promise<void>;
  /** What was over then was to be computed. ms since 1970. */
  readonly keptAtMs: () => number;
  readonly close: () => Promise<void>;
};

/** A database with our tables and no jobs in the background: the test says when something is computed. */
export async function openTestStore(kind: PostgresKind, settings: Partial<DatabaseConfig> = {}): Promise<TestStore> {
  const database = await (await requireServer(kind)).createDatabase();
  const config = { ...configFor(database.url, '/nowhere').database, ...settings };
  const { edition } = await migrate(config, silentLog);
  const query = queryOf(database.url);
  if (edition === 'timescale') {
    await query('SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000');
    await query('SELECT _timescaledb_functions.stop_background_workers()');
  }
  const store = openStore(config, 'test', 3);
  let keptAtMs = 0;
  return {
    database,
    config,
    edition,
    store,
    query,
    keptAtMs: () => keptAtMs,
    keep: async (nowUs) => {
      keptAtMs = (nowUs ?? systemClock.now()) / 1_000;
      const clock = { ...systemClock, now: () => nowUs ?? systemClock.now() };
      while ((await maintain({ store, config, edition, clock })).levels.some(({ isMoreDue }) => isMoreDue));
    },
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
}
