import type { DatabaseConfig } from '@fieldline/shared/config';
import type { Micros } from '@fieldline/shared/contracts';
import type { Session } from '../connection.ts';
import { expiredPartitions, missingPartitions, type PartitionRange } from './partition-plan.ts';

const partitioned = [
  { table: 'sample', column: 'time' },
  { table: 'batch_log', column: 'received_at' },
] as const;
type Partitioned = (typeof partitioned)[number];

/** Those who write and read wait no longer than this for our lock: what we could not get, we get in the next round. */
const lockTimeoutMs = 2_000;

/** Makes partitions ahead, gives rows in the default partition one of their own, drops what retention has overtaken. */
export async function keepPartitions(session: Session, config: DatabaseConfig, now: Micros): Promise<void> {
  const nowMs = now / 1_000;
  for (const each of partitioned) {
    const existing = await existingPartitions(session, each.table);
    const stray = await strayTimes(session, each, config.chunkMs);
    for (const range of missingPartitions(each.table, existing, nowMs, stray, config.chunkMs)) {
      await make(session, each, range, stray.includes(range.fromMs));
    }
    for (const { name } of expiredPartitions(existing, nowMs, config.retainRawMs)) await drop(session, name);
    await session.query(`DELETE FROM ${each.table}_default WHERE ${each.column} < to_timestamp($1 / 1000.0)`, [
      nowMs - config.retainRawMs - config.chunkMs,
    ]);
  }
}

async function existingPartitions(session: Session, table: string): Promise<PartitionRange[]> {
  const rows = await session.query<PartitionRange>(
    `SELECT child.relname AS name, (extract(epoch FROM bounds[1]::timestamptz) * 1000)::int8 AS "fromMs",
       (extract(epoch FROM bounds[2]::timestamptz) * 1000)::int8 AS "toMs"
     FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid,
       regexp_match(pg_get_expr(child.relpartbound, child.oid), $$FROM \\('(.+)'\\) TO \\('(.+)'\\)$$) AS bounds
     WHERE inhparent = $1::regclass AND bounds IS NOT NULL`,
    [table],
  );
  return rows.map(({ name, fromMs, toMs }) => ({ name, fromMs, toMs }));
}

/** One time in each chunk that has rows in the default partition. */
async function strayTimes(session: Session, { table, column }: Partitioned, chunkMs: number): Promise<number[]> {
  const rows = await session.query<{ ms: number }>(
    `SELECT DISTINCT (floor(extract(epoch FROM ${column}) * 1000 / $1::int8) * $1::int8)::int8 AS ms FROM ${table}_default`,
    [chunkMs],
  );
  return rows.map(({ ms }) => ms);
}

/**
 * No one may write meanwhile: a row that was on its way to the default partition when the new one came would be refused by
 * both. Where rows move, no one may read either: who knew of the default partition only would not find them in it any more.
 * The constraint proves the bounds, so that nothing is scanned while others wait.
 */
async function make(
  session: Session,
  { table, column }: Partitioned,
  { name, fromMs, toMs }: PartitionRange,
  rowsMove: boolean,
): Promise<void> {
  const [from, to] = [fromMs, toMs].map((ms) => `TIMESTAMPTZ '${new Date(ms).toISOString()}'`);
  await session.query('BEGIN');
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  await session.query(`LOCK TABLE ${table} IN ${rowsMove ? 'ACCESS EXCLUSIVE' : 'SHARE ROW EXCLUSIVE'} MODE`);
  await session.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`);
  await session.query(
    `ALTER TABLE ${name} ADD CONSTRAINT ${name}_bounds CHECK (${column} >= ${from} AND ${column} < ${to})`,
  );
  if (rowsMove) {
    await session.query(
      `WITH moved AS (DELETE FROM ${table}_default WHERE ${column} >= ${from} AND ${column} < ${to} RETURNING *)
       INSERT INTO ${name} SELECT * FROM moved`,
    );
  }
  await session.query(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
  await session.query(`ALTER TABLE ${name} DROP CONSTRAINT ${name}_bounds`);
  await session.query('COMMIT');
}

async function drop(session: Session, name: string): Promise<void> {
  await session.query('BEGIN');
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  await session.query(`DROP TABLE ${name}`);
  await session.query('COMMIT');
}
