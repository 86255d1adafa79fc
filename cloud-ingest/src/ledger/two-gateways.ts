/**
 * Two gateways with one id, each with a journal of its own: all of their streams are sound, so none shows it alone. What
 * shows it is a stream that goes on although another one of its class was opened beside it, for an agent writes one stream of
 * each class at a time, and what it left unsent is old.
 *
 * At an opening the streams that nobody follows yet are marked with it as their rival; a batch of a marked stream is then
 * looked at with what is in the row anyway. Rather a case is missed than a sound gateway suspected:
 *   - both streams must be live: a backlog, a journal that is read from an old card, a replay and a wrong clock are not;
 *   - the marked one was there so long before that it cannot have been opened by a successor of its rival;
 *   - it goes on for so long that it is not a container which ends while the next one has begun, nor a device whose clock
 *     is ahead;
 *   - volatile streams and batches stand outside of the chain, and are neither.
 */
import type { DecodedBatch, Micros, TagClass } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import { timesOf } from './batch-times.ts';
import type { StreamRow } from './stream-row.ts';

/** The newest sample of a batch that is live is no further than this from its reception. */
const liveMicros = 300_000_000;
/** How long before its rival a stream must have been known, and how long after it all samples of one of its batches lie. */
const knownBeforeMicros = 2 * liveMicros;
const goesOnMicros = 300_000_000;

type Batch = Pick<DecodedBatch, 'seq' | 'previous' | 'volatile' | 'time'>;

export type Opening = {
  readonly stream: string;
  readonly gateway: string;
  readonly class: TagClass;
  readonly receivedAt: Micros;
};

/** Whether a batch opens a stream now. */
export const isLiveOpening = (batch: Batch, receivedAt: Micros): boolean =>
  batch.previous !== undefined && !batch.volatile && isNear(timesOf(batch).toTime, receivedAt);

const isNear = (time: Micros | null, receivedAt: Micros): boolean =>
  time !== null && Math.abs(receivedAt - time) <= liveMicros;

/** Whether a batch, not yet in the row, shows that its stream goes on beside its rival. */
export function goesOnBesideRival(row: StreamRow, batch: Batch, receivedAt: Micros): boolean {
  if (row.rivalSince === null || batch.volatile || batch.seq <= row.countedSeq) return false;
  const { fromTime, toTime } = timesOf(batch);
  return fromTime !== null && fromTime > row.rivalSince + goesOnMicros && isNear(toTime, receivedAt);
}

/** Per opening, the streams of its class and gateway that may go on beside it. One that is marked already keeps its mark. */
export async function findRivals(
  session: Session,
  openings: readonly Opening[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (openings.length === 0) return new Map();
  const found = await session.query<{ opening: string; stream: string }>(unfollowedStreams, [
    openings.map(({ stream }) => stream),
    openings.map(({ gateway }) => gateway),
    openings.map((opening) => opening.class),
    openings.map(({ receivedAt }) => receivedAt - knownBeforeMicros),
  ]);
  const rivals = new Map<string, string[]>();
  for (const { opening, stream } of found) rivals.set(opening, [...(rivals.get(opening) ?? []), stream]);
  return rivals;
}

const unfollowedStreams = `SELECT opening.stream AS opening, other.stream
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[]) AS opening (stream, gateway, class, known_before)
  JOIN stream AS other ON other.gateway = opening.gateway AND other.class = opening.class AND other.stream <> opening.stream
  WHERE other.first_received_at < TIMESTAMPTZ 'epoch' + opening.known_before * INTERVAL '1 microsecond'
    AND other.rival IS NULL AND NOT isempty(other.committed - other.volatile)
    AND NOT EXISTS (SELECT FROM stream AS next WHERE next.previous = other.stream)`;
