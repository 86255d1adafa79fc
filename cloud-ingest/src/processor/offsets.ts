/**
 * Where the processor stands in the backbone, kept in the database in the transaction of the rows: the fence between
 * processors. Whoever finds another offset than the one it knows has been overtaken, and begins again from the database.
 */
import type { Session } from '../store/connection.ts';

export type SourceTopic = { readonly backbone: string; readonly topic: string };

/** Next offset per partition as the database has it; null where it has none yet. */
export type NextOffsets = ReadonlyMap<number, number | null>;

type Row = { readonly partition: number; readonly nextOffset: number };

const select = `SELECT partition, next_offset AS "nextOffset" FROM source_offset
  WHERE backbone = $1 AND topic = $2 AND partition = ANY($3::int4[]) ORDER BY partition`;

export const readOffsets = (
  session: Session,
  source: SourceTopic,
  partitions: readonly number[],
): Promise<NextOffsets> => offsetsFrom(session, select, source, partitions);

/** The same, locked until the end of the transaction. */
export const lockOffsets = (
  session: Session,
  source: SourceTopic,
  partitions: readonly number[],
): Promise<NextOffsets> => offsetsFrom(session, `${select} FOR UPDATE`, source, partitions);

async function offsetsFrom(
  session: Session,
  sql: string,
  { backbone, topic }: SourceTopic,
  partitions: readonly number[],
): Promise<NextOffsets> {
  const rows = await session.query<Row>(sql, [backbone, topic, partitions]);
  const offsets = new Map<number, number | null>(partitions.map((partition) => [partition, null]));
  for (const { partition, nextOffset } of rows) offsets.set(partition, nextOffset);
  return offsets;
}

/** False if another processor made the first row of a partition in the meantime: nothing of the transaction may stay. */
export async function advanceOffsets(
  session: Session,
  { backbone, topic }: SourceTopic,
  locked: NextOffsets,
  next: ReadonlyMap<number, number>,
): Promise<boolean> {
  const partitions = [...next.keys()].sort((a, b) => a - b);
  const fresh = partitions.filter((partition) => (locked.get(partition) ?? null) === null);
  if (fresh.length > 0) {
    const made = await session.query(
      `INSERT INTO source_offset (backbone, topic, partition, next_offset)
       SELECT $1, $2, partition, next_offset FROM unnest($3::int4[], $4::int8[]) AS new (partition, next_offset)
       ON CONFLICT DO NOTHING RETURNING partition`,
      [backbone, topic, fresh, fresh.map((partition) => next.get(partition))],
    );
    if (made.length < fresh.length) return false;
  }
  await session.query(
    `UPDATE source_offset SET next_offset = new.next_offset FROM unnest($3::int4[], $4::int8[]) AS new (partition, next_offset)
     WHERE backbone = $1 AND topic = $2 AND source_offset.partition = new.partition`,
    [backbone, topic, partitions, partitions.map((partition) => next.get(partition))],
  );
  return true;
}
