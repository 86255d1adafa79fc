/** Partitions of plain PostgreSQL: made ahead, made for rows that came without one, dropped when retention has overtaken them. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from '../connection.ts';
import type { Step } from '../step.ts';
import { sqlStateOf } from '../trouble.ts';
import { expiredPartitions, missingPartitions, type PartitionRange } from './partition-plan.ts';

type Partitioned = {
  readonly table: string;
  readonly column: string;
  readonly retain: 'retainRawMs' | 'retainMinutesMs';
};

const partitioned: readonly Partitioned[] = [
  { table: 'sample', column: 'time', retain: 'retainRawMs' },
  { table: 'batch_log', column: 'received_at', retain: 'retainRawMs' },
  { table: 'rollup_1m', column: 'bucket', retain: 'retainMinutesMs' },
];

/** Those who write and read wait no longer than this for our lock: what we could not get, we get in the next round. */
const lockTimeoutMs = 2_000;
const lockNotAvailable = '55P03';

/** How many steps had to be put off, because somebody reads or writes for longer than we let others wait. */
export async function keepPartitions(session: Session, config: DatabaseConfig, now: Micros): Promise<number> {
  let postponed = 0;
  for (const { statements } of await partitionSteps(session, config, now)) {
    try {
      await session.query('BEGIN');
      for (const statement of statements) await session.query(statement);
      await session.query('COMMIT');
    } catch (error) {
      if (sqlStateOf(error) !== lockNotAvailable) throw error;
      await session.query('ROLLBACK');
      postponed += 1;
    }
  }
  return postponed;
}

/** Only looks; also at a database that has none of the tables yet. */
export async function partitionSteps(session: Session, config: DatabaseConfig, now: Micros): Promise<Step[]> {
  const nowMs = now / 1_000;
  const steps: Step[] = [];
  for (const each of partitioned) {
    const { table, retain } = each;
    const existing = await existingPartitions(session, table);
    const strayMs = await strayTimes(session, each, config.chunkMs);
    for (const range of missingPartitions(table, existing, nowMs, strayMs, config.chunkMs)) {
      const rowsMove = strayMs.some((ms) => ms < range.toMs && ms + config.chunkMs > range.fromMs);
      steps.push({ title: `partition ${range.name}`, statements: make(each, range, rowsMove) });
    }
    for (const { name } of expiredPartitions(existing, nowMs, config[retain])) {
      steps.push({ title: `retention of ${name}`, statements: [patience, `DROP TABLE ${name}`] });
    }
  }
  return steps;
}

async function existingPartitions(session: Session, table: string): Promise<PartitionRange[]> {
  const rows = await session.query<PartitionRange>(
    `SELECT child.relname AS name, (extract(epoch FROM bounds[1]::timestamptz) * 1000)::int8 AS "fromMs",
       (extract(epoch FROM bounds[2]::timestamptz) * 1000)::int8 AS "toMs"
     FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid,
       regexp_match(pg_get_expr(child.relpartbound, child.oid), $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bounds
     WHERE inhparent = to_regclass($1) AND bounds IS NOT NULL`,
    [table],
  );
  return rows.map(({ name, fromMs, toMs }) => ({ name, fromMs, toMs }));
}

/** The beginning of each chunk that has rows in the default partition. */
async function strayTimes(session: Session, { table, column }: Partitioned, chunkMs: number): Promise<number[]> {
  const [present] = await session.query<{ isThere: boolean }>('SELECT to_regclass($1) IS NOT NULL AS "isThere"', [
    `${table}_default`,
  ]);
  if (present?.isThere !== true) return [];
  const rows = await session.query<{ ms: number }>(
    `SELECT DISTINCT (floor(extract(epoch FROM ${column}) * 1000 / $1::int8) * $1::int8)::int8 AS ms FROM ${table}_default`,
    [chunkMs],
  );
  return rows.map(({ ms }) => ms);
}

const patience = `SET LOCAL lock_timeout = ${lockTimeoutMs}`;

/**
 * No one may write meanwhile: a row that was on its way to the default partition when the new one came would be refused by
 * both. Where rows move, no one may read either: who knew of the default partition only would not find them in it any more.
 * The constraint proves the bounds, so that nothing is scanned while others wait.
 */
function make({ table, column }: Partitioned, { name, fromMs, toMs }: PartitionRange, rowsMove: boolean): string[] {
  const [from, to] = [fromMs, toMs].map((ms) => `TIMESTAMPTZ '${new Date(ms).toISOString()}'`);
  return [
    patience,
    `LOCK TABLE ${table} IN ${rowsMove ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE'} MODE`,
    `CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`,
    `ALTER TABLE ${name} ADD CONSTRAINT ${name}_bounds CHECK (${column} >= ${from} AND ${column} < ${to})`,
    ...(rowsMove
      ? [
          `WITH moved AS (DELETE FROM ${table}_default WHERE ${column} >= ${from} AND ${column} < ${to} RETURNING *)
           INSERT INTO ${name} SELECT * FROM moved`,
        ]
      : []),
    `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`,
    `ALTER TABLE ${name} DROP CONSTRAINT ${name}_bounds`,
  ];
}
