/**
 * Latest values of series whose rows are replaced. `writeRows` lets the newer sample win; it cannot know that the one in place
 * is gone, nor that a sample of the same time from another batch, which was the newer, has to stay.
 */
import type { Session } from '../store/connection.ts';

export type LatestBefore = { readonly gone: readonly number[] };

/** Locks the latest values of the series, in the order that all who write them keep, and takes away those of the batches. */
export async function takeLatest(
  session: Session,
  seriesIds: readonly number[],
  batches: readonly string[],
): Promise<LatestBefore> {
  await session.query('SELECT FROM latest WHERE series_id = ANY($1::int4[]) ORDER BY series_id FOR UPDATE', [
    seriesIds,
  ]);
  const rows = await session.query<{ id: number }>(
    'DELETE FROM latest WHERE series_id = ANY($1::int4[]) AND batch = ANY($2::int8[]) RETURNING series_id AS id',
    [seriesIds, batches],
  );
  return { gone: rows.map(({ id }) => id) };
}

/** Of two samples of one time that of the later batch is the newer. What stands there after `writeRows` is the least it can be. */
export async function correctLatest(
  session: Session,
  { gone }: LatestBefore,
  seriesIds: readonly number[],
  batches: readonly string[],
): Promise<void> {
  await session.query(
    `INSERT INTO latest (series_id, time, value, quality, batch, text, updated_at)
     SELECT newest.*, now()
     FROM (
       SELECT id FROM unnest($1::int4[]) AS gone (id)
       UNION SELECT series_id FROM latest WHERE series_id = ANY($2::int4[]) AND batch = ANY($3::int8[])) AS doubtful
     LEFT JOIN latest AS present ON present.series_id = id,
     LATERAL (
       SELECT series_id, time, value, quality, batch, text FROM sample
       WHERE sample.series_id = id AND sample.time >= coalesce(present.time, '-infinity')
       ORDER BY time DESC, batch DESC LIMIT 1) AS newest
     WHERE present.series_id IS NULL OR (newest.time, newest.batch) > (present.time, present.batch)
     ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value, quality = excluded.quality,
       batch = excluded.batch, text = excluded.text, updated_at = excluded.updated_at`,
    [gone, seriesIds, batches],
  );
}
