/**
 * Where the processor stands in the backbone, kept in the database in the transaction of the rows: the fence between
 * processors. Whoever finds another mark than the one it knows has been overtaken, and begins again from the database.
 */
import type { Position } from '../backbone/backbone.ts';
import { proofOf } from '../backbone/proof.ts';
import type { Origin } from '../decode/decoder.ts';
import type { Session } from '../store/connection.ts';

export type SourceTopic = { readonly backbone: string; readonly topic: string };

/**
 * The next offset of a partition, and the proof of the record before it. Both make the fence: in a log that was made again
 * the same offset may come by a second time.
 */
export type Mark = { readonly offset: number; readonly proof: string | null };

/** The marks of partitions as the database has them; null where it has none yet. */
export type NextMarks = ReadonlyMap<number, Mark | null>;

export const isSameMark = (one: Mark | null | undefined, other: Mark | null | undefined): boolean =>
  one?.offset === other?.offset && (one?.proof ?? null) === (other?.proof ?? null);

/** Where the partitions stand when these records are stored. */
export function marksAfter(records: readonly { readonly origin: Origin }[]): Map<number, Mark> {
  const newest = new Map<number, Origin>();
  for (const { origin } of records) {
    const { partition, offset } = origin;
    if (offset >= (newest.get(partition)?.offset ?? 0)) newest.set(partition, origin);
  }
  return new Map(
    [...newest].map(([partition, { offset, bytes, headers }]) => [
      partition,
      { offset: offset + 1, proof: proofOf({ value: bytes, headers }) },
    ]),
  );
}

type Row = Position & { readonly proof: string | null };

const select = `SELECT partition, next_offset AS offset, proof FROM source_offset
  WHERE backbone = $1 AND topic = $2 AND partition = ANY($3::int4[]) ORDER BY partition`;

export const readOffsets = (session: Session, source: SourceTopic, partitions: readonly number[]): Promise<NextMarks> =>
  marksFrom(session, select, source, partitions);

/** The same, locked until the end of the transaction. */
export const lockOffsets = (session: Session, source: SourceTopic, partitions: readonly number[]): Promise<NextMarks> =>
  marksFrom(session, `${select} FOR UPDATE`, source, partitions);

async function marksFrom(
  session: Session,
  sql: string,
  { backbone, topic }: SourceTopic,
  partitions: readonly number[],
): Promise<NextMarks> {
  const rows = await session.query<Row>(sql, [backbone, topic, partitions]);
  const marks = new Map<number, Mark | null>(partitions.map((partition) => [partition, null]));
  for (const { partition, offset, proof } of rows) marks.set(partition, { offset, proof });
  return marks;
}

/** False if another processor made the first row of a partition in the meantime: nothing of the transaction may stay. */
export async function advanceOffsets(
  session: Session,
  { backbone, topic }: SourceTopic,
  locked: NextMarks,
  next: ReadonlyMap<number, Mark>,
): Promise<boolean> {
  const partitions = [...next.keys()].sort((a, b) => a - b);
  const fresh = partitions.filter((partition) => (locked.get(partition) ?? null) === null);
  if (fresh.length > 0) {
    const made = await session.query(
      `INSERT INTO source_offset (backbone, topic, partition, next_offset)
       SELECT $1, $2, partition, 0 FROM unnest($3::int4[]) AS new (partition)
       ON CONFLICT DO NOTHING RETURNING partition`,
      [backbone, topic, fresh],
    );
    if (made.length < fresh.length) return false;
  }
  const marks = partitions.map((partition) => next.get(partition));
  await session.query(
    `UPDATE source_offset SET next_offset = new.next_offset, proof = new.proof
     FROM unnest($3::int4[], $4::int8[], $5::text[]) AS new (partition, next_offset, proof)
     WHERE backbone = $1 AND topic = $2 AND source_offset.partition = new.partition`,
    [backbone, topic, partitions, marks.map((mark) => mark?.offset), marks.map((mark) => mark?.proof ?? null)],
  );
  return true;
}

/** Of a partition whose row is locked. */
export async function setOffset(
  session: Session,
  { backbone, topic }: SourceTopic,
  partition: number,
  { offset, proof }: Mark,
): Promise<void> {
  await session.query(
    'UPDATE source_offset SET next_offset = $4, proof = $5 WHERE backbone = $1 AND topic = $2 AND partition = $3',
    [backbone, topic, partition, offset, proof],
  );
}
