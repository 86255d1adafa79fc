import type { Micros, Ranges } from '@fieldline/shared/contracts';
import type { Session } from '../store/connection.ts';
import { numberArray } from '../store/number-array.ts';
import { formatMultirange, parseMultirange } from './multirange.ts';
import type { StreamRow } from './stream-row.ts';
import { findRivals, type Opening } from './two-gateways.ts';

/** µs since 1970 of a timestamptz column, and back. */
const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::int8`;
const instant = (parameter: string): string => `TIMESTAMPTZ 'epoch' + ${parameter} * INTERVAL '1 microsecond'`;

export const streamColumns = `stream_no AS "streamNo", stream, gateway, class, previous, previous_last_seq AS "previousLastSeq",
  ${micros('first_received_at')} AS "firstReceivedAt", ${micros('last_received_at')} AS "lastReceivedAt",
  last_seq AS "lastSeq", read, filtered, counted_seq AS "countedSeq", committed::text, declared::text, dead::text, held::text,
  samples, stored, rejected, declared_samples AS "declaredSamples", duplicate_batches AS "duplicateBatches",
  duplicate_samples AS "duplicateSamples", volatile::text, rival, ${micros('rival_since')} AS "rivalSince"`;

type RawStreamRow = Omit<StreamRow, 'committed' | 'declared' | 'dead' | 'held' | 'volatile'> & {
  readonly committed: string;
  readonly declared: string;
  readonly dead: string;
  readonly held: string;
  readonly volatile: string;
};

export const streamRowOf = (raw: RawStreamRow): StreamRow => ({
  ...raw,
  committed: parseMultirange(raw.committed),
  declared: parseMultirange(raw.declared),
  dead: parseMultirange(raw.dead),
  held: parseMultirange(raw.held),
  volatile: parseMultirange(raw.volatile),
});

export type WantedStreams = {
  /** Streams that records of the transaction name, with the gateway that does. */
  readonly streams: ReadonlyMap<string, string>;
  /** Gateways whose state message came: all their streams that they held so far. */
  readonly gateways: readonly string[];
  /** Predecessors that first batches name: with them come all streams that name the same. */
  readonly predecessors: readonly string[];
  /** Streams that are opened now: with them come those that may go on beside them. */
  readonly openings: readonly Opening[];
};

export type LockedStreams = {
  readonly rows: ReadonlyMap<string, StreamRow>;
  /** Streams per predecessor, other than those of this transaction. */
  readonly successors: ReadonlyMap<string, readonly string[]>;
  /** Per opening, streams that may go on beside it; they are among the rows. */
  readonly rivals: ReadonlyMap<string, readonly string[]>;
};

/** The rows locked, in one order everywhere so that two processors do not wait for each other; inserted on first sight. */
export async function lockStreams(session: Session, wanted: WantedStreams): Promise<LockedStreams> {
  const rivals = await findRivals(session, wanted.openings);
  const names = [...new Set([...wanted.streams.keys(), ...[...rivals.values()].flat()])].sort();
  const rows = new Map<string, StreamRow>();
  if (names.length === 0 && wanted.gateways.length === 0) return { rows, successors: new Map(), rivals };
  const lock = async (): Promise<void> => {
    const locked = await session.query<RawStreamRow>(
      `SELECT ${streamColumns} FROM stream
       WHERE stream = ANY($1::uuid[]) OR (gateway = ANY($2::text[]) AND NOT isempty(held))
       ORDER BY stream.stream FOR UPDATE`,
      [names, wanted.gateways],
    );
    for (const raw of locked) rows.set(raw.stream, streamRowOf(raw));
  };
  await lock();
  const unseen = names.filter((stream) => !rows.has(stream));
  if (unseen.length > 0) {
    await session.query(
      `INSERT INTO stream (stream, gateway) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT (stream) DO NOTHING`,
      [unseen, unseen.map((stream) => wanted.streams.get(stream))],
    );
    await lock();
  }
  return { rows, successors: await successorsOf(session, wanted.predecessors), rivals };
}

async function successorsOf(session: Session, predecessors: readonly string[]) {
  const successors = new Map<string, string[]>();
  if (predecessors.length === 0) return successors;
  const found = await session.query<{ stream: string; previous: string }>(
    'SELECT stream, previous FROM stream WHERE previous = ANY($1::uuid[])',
    [predecessors],
  );
  for (const { stream, previous } of found) {
    const streams = successors.get(previous) ?? [];
    streams.push(stream);
    successors.set(previous, streams);
  }
  return successors;
}

export async function saveStreams(session: Session, rows: readonly StreamRow[]): Promise<void> {
  if (rows.length === 0) return;
  const column = (value: (row: StreamRow) => number | null): string => numberArray(rows.map(value));
  const ranges = (value: (row: StreamRow) => Ranges): string[] => rows.map((row) => formatMultirange(value(row)));
  await session.query(
    `UPDATE stream SET previous = new.previous, previous_last_seq = new.previous_last_seq,
       first_received_at = ${instant('new.first_received_at')}, last_received_at = ${instant('new.last_received_at')},
       last_seq = new.last_seq, read = new.read, filtered = new.filtered, counted_seq = new.counted_seq,
       committed = new.committed, declared = new.declared, dead = new.dead, held = new.held, samples = new.samples,
       stored = new.stored, rejected = new.rejected, declared_samples = new.declared_samples,
       duplicate_batches = new.duplicate_batches, duplicate_samples = new.duplicate_samples
     FROM unnest($1::int4[], $2::uuid[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[],
       $10::int8multirange[], $11::int8multirange[], $12::int8multirange[], $13::int8multirange[],
       $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::int8[], $19::int8[])
       AS new (stream_no, previous, previous_last_seq, first_received_at, last_received_at, last_seq, read, filtered, counted_seq,
         committed, declared, dead, held, samples, stored, rejected, declared_samples, duplicate_batches, duplicate_samples)
     WHERE stream.stream_no = new.stream_no`,
    [
      column((row) => row.streamNo),
      rows.map(({ previous }) => previous),
      column((row) => row.previousLastSeq),
      column((row) => row.firstReceivedAt),
      column((row) => row.lastReceivedAt),
      column((row) => row.lastSeq),
      column((row) => row.read),
      column((row) => row.filtered),
      column((row) => row.countedSeq),
      ranges((row) => row.committed),
      ranges((row) => row.declared),
      ranges((row) => row.dead),
      ranges((row) => row.held),
      column((row) => row.samples),
      column((row) => row.stored),
      column((row) => row.rejected),
      column((row) => row.declaredSamples),
      column((row) => row.duplicateBatches),
      column((row) => row.duplicateSamples),
    ],
  );
}

export type Anomaly = {
  readonly kind: AnomalyKind;
  readonly gateway: string | null;
  readonly at: Micros;
  readonly details: Readonly<Record<string, string | number>>;
};

/**
 *   forked-stream          two streams name one predecessor: a card was cloned, or a journal copied, and both run
 *   restored-journal       a stream names a predecessor shorter than what came of it: an older copy of the journal was put back
 *   two-gateways           a stream goes on beside another of its class: two gateways have one id, each with its own journal
 *   stream-of-two-gateways two gateways use one stream: a cloned card was given another id
 *   two-contents           a batch came again with other content: a running agent was doubled, or put back with its memory
 *   contradicting-counts   the batches of a stream have more samples than it states as read: its balance cannot close
 *   backbone-gap           records were gone from the backbone before they were stored
 *   backbone-remade        a topic of the backbone was deleted and made again, or lost its end: what was not stored of it is gone
 *   database-restored      the database went back: a backup was restored under the same name
 */
export const anomalyKinds = [
  'forked-stream',
  'restored-journal',
  'two-gateways',
  'stream-of-two-gateways',
  'two-contents',
  'contradicting-counts',
  'backbone-gap',
  'backbone-remade',
  'database-restored',
] as const;
export type AnomalyKind = (typeof anomalyKinds)[number];

/** Each once, however often it is seen. */
export async function reportAnomalies(session: Session, anomalies: readonly Anomaly[]): Promise<void> {
  for (const { kind, gateway, at, details } of anomalies) {
    await session.query(
      `INSERT INTO anomaly (at, gateway, kind, details)
       SELECT ${instant('$1::int8')}, $2::text, $3::text, $4::jsonb
       WHERE NOT EXISTS (SELECT FROM anomaly WHERE gateway IS NOT DISTINCT FROM $2::text AND kind = $3::text AND details = $4::jsonb)`,
      [at, gateway, kind, JSON.stringify(details)],
    );
  }
}
