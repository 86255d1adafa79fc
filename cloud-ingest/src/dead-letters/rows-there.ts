/**
 * Which samples of a stored batch are rows already, whatever letters and ledger say: with it a sample is never stored twice,
 * not even after a database was emptied and made its letters anew.
 */
import type { DecodedBatch, Micros } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import type { BatchRef } from '../store/rows.ts';

/** Times that lie further apart are looked up by themselves: one that is years off must not drag all chunks in. */
const maxGapMicros = 3_600_000_000;

/**
 * For each entry of `entries`, indexes into the columns of the batch: whether its row has to be written. Samples of one
 * series and time count together, since a batch may hold several.
 */
export async function areMissing(
  session: Session,
  gateway: string,
  ref: BatchRef,
  batch: DecodedBatch,
  entries: readonly number[],
): Promise<boolean[]> {
  const room = countByKey(batch);
  for (const [key, rows] of await rowsOfBatch(session, gateway, ref, batch, entries))
    room.set(key, (room.get(key) ?? 0) - rows);
  return entries.map((entry) => {
    const key = keyOf(batch, entry);
    const left = room.get(key) ?? 0;
    room.set(key, left - 1);
    return left > 0;
  });
}

const key = (device: string, tag: string, time: Micros): string => `${device} ${tag} ${time}`;

function keyOf(batch: DecodedBatch, entry: number): string {
  const tag = batch.tags[batch.tagIndex[entry] as number];
  if (tag === undefined) throw new RangeError(`sample ${entry} has no tag`);
  return key(tag.device, tag.tag, batch.time[entry] as number);
}

function countByKey(batch: DecodedBatch): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of batch.time.keys()) {
    const of = keyOf(batch, entry);
    counts.set(of, (counts.get(of) ?? 0) + 1);
  }
  return counts;
}

async function rowsOfBatch(
  session: Session,
  gateway: string,
  { streamNo, seq }: BatchRef,
  batch: DecodedBatch,
  entries: readonly number[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const tags = [...new Set(entries.map((entry) => batch.tagIndex[entry] as number))].flatMap(
    (n) => batch.tags[n] ?? [],
  );
  const series = await session.query<{ seriesId: number; device: string; tag: string }>(
    `SELECT series_id AS "seriesId", device, tag FROM series
     WHERE gateway = $1 AND (device, tag) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [gateway, tags.map(({ device }) => device), tags.map(({ tag }) => tag)],
  );
  const names = new Map(series.map((each) => [each.seriesId, each]));
  for (const [from, to] of spansOf(entries.map((entry) => batch.time[entry] as number))) {
    const rows = await session.query<{ seriesId: number; time: Micros; rows: number }>(
      `SELECT series_id AS "seriesId", (extract(epoch FROM time) * 1000000)::int8 AS time, count(*) AS rows FROM sample
       WHERE series_id = ANY($1::int4[]) AND batch = $2::int8 * 4294967296 + $3::int8
         AND time BETWEEN ${instant('$4')} AND ${instant('$5')} GROUP BY 1, sample.time`,
      [[...names.keys()], streamNo, seq, from, to],
    );
    for (const each of rows) {
      const name = names.get(each.seriesId);
      if (name !== undefined) found.set(key(name.device, name.tag, each.time), each.rows);
    }
  }
  return found;
}

const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter}::int8 * INTERVAL '1 microsecond'`;

/** Closed spans that hold all times, none of them with a gap longer than `maxGapMicros`. */
export function spansOf(times: readonly Micros[]): [from: Micros, to: Micros][] {
  const spans: [Micros, Micros][] = [];
  for (const time of [...times].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && time - last[1] <= maxGapMicros) last[1] = time;
    else spans.push([time, time]);
  }
  return spans;
}
