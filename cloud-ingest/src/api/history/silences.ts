/**
 * When nothing is known of a gateway because its agent did not run. A tag that says nothing is no gap: what did not change is
 * held back by a deadband or never sent by OPC UA, and what cannot be read is sent as bad. So a value holds until the next
 * sample for as long as the agent ran; and it ran from the first to the last sample of each of its streams.
 */
import type { Micros } from '@fieldline/shared/contracts';
import { isoOf } from '../../instant.ts';
import type { Database } from '../database.ts';
import type { HistoryRange } from './plan.ts';
import { timeUsOf } from './points.ts';

export type Span = readonly [from: Micros, to: Micros];
export type Ran = { readonly since: Micros; readonly until: Micros; readonly online: boolean };

/** Starts of an agent looked at from the beginning of the range on; of what lies behind them nothing is claimed. */
const maxStreams = 200;

export async function readSilences(database: Database, gateway: string, range: HistoryRange): Promise<readonly Span[]> {
  const ran = await database.query<Ran>(ranSql, [gateway, isoOf(range.from), maxStreams]);
  return silencesOf(ran, range, ran.length === maxStreams);
}

/** The times of a range that lie between the runs, and, unless the newest goes on, behind the last. */
export function silencesOf(ran: readonly Ran[], { from, to }: HistoryRange, isCut = false): readonly Span[] {
  const silences: Span[] = [];
  let knownTo = from;
  for (const { since, until } of ran.toSorted((a, b) => a.since - b.since)) {
    if (since > knownTo) silences.push([knownTo, Math.min(since, to)]);
    knownTo = Math.max(knownTo, until);
    if (knownTo >= to) break;
  }
  const goesOn = isCut || ran.length === 0 || ran.some(({ online }) => online);
  if (knownTo < to && !goesOn) silences.push([knownTo, to]);
  return silences.filter(([begin, end]) => begin < end);
}

/** By the index on `batch`, whose upper half is the stream; the reception keeps other chunks out of the search. */
const edgeOf = (column: 'from_time' | 'to_time', order: 'asc' | 'desc'): string => `
  left join lateral (
    select ${column} as at from batch_log
    where batch > s.stream_no::int8 << 32 and batch < (s.stream_no::int8 + 1) << 32 and ${column} is not null
      and received_at >= s.first_received_at and received_at <= s.last_received_at
    order by batch ${order} limit 1
  ) ${column} on true`;

/** Where retention has taken the log of a stream, the times of its reception stand for those of its samples. */
const ranSql = `
  select ${timeUsOf('coalesce(from_time.at, s.first_received_at)')} as since,
    ${timeUsOf('coalesce(to_time.at, s.last_received_at)')} as until,
    coalesce(g.online, false) and s.stream_no = max(s.stream_no) over () as online
  from (
    select * from stream where gateway = $1 and last_received_at >= $2 order by stream_no limit $3
  ) s
  left join gateway g using (gateway) ${edgeOf('from_time', 'asc')} ${edgeOf('to_time', 'desc')}
  where s.first_received_at is not null`;
