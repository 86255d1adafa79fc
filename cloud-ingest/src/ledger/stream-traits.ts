/**
 * Columns of a stream that few batches change. They are written where they did change and by a statement of their own, so
 * that they cost all other batches nothing.
 */
import type { Session } from '../store/connection.ts';
import { numberArray } from '../store/number-array.ts';
import { formatMultirange } from './multirange.ts';
import type { StreamRow } from './stream-row.ts';

/** `before`: the rows as they were locked. */
export async function saveTraits(
  session: Session,
  rows: readonly StreamRow[],
  before: ReadonlyMap<string, StreamRow>,
): Promise<void> {
  const changed = rows.filter((row) => hasOtherTraits(row, before.get(row.stream)));
  if (changed.length === 0) return;
  await session.query(update, [
    numberArray(changed.map(({ streamNo }) => streamNo)),
    changed.map((row) => row.class),
    changed.map((row) => formatMultirange(row.volatile)),
    changed.map(({ rival }) => rival),
    numberArray(changed.map(({ rivalSince }) => rivalSince)),
  ]);
}

/** Ranges that did not change are the same object. */
const hasOtherTraits = (row: StreamRow, before: StreamRow | undefined): boolean =>
  row.class !== before?.class || row.volatile !== before.volatile || row.rival !== before.rival;

const update = `UPDATE stream SET class = new.class, volatile = new.volatile, rival = new.rival,
    rival_since = TIMESTAMPTZ 'epoch' + new.rival_since * INTERVAL '1 microsecond'
  FROM unnest($1::int4[], $2::text[], $3::int8multirange[], $4::uuid[], $5::int8[])
    AS new (stream_no, class, volatile, rival, rival_since)
  WHERE stream.stream_no = new.stream_no`;
