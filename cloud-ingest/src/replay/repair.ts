/**
 * One transaction of a replay: the rows of some batches are taken out and written again from their records, with all that
 * follows from rows. Nothing is taken out before the ledger, whose rows are locked as the processor locks them, has agreed
 * that the record is the batch. Running it twice gives what running it once gives.
 */

import type { AdmittedBatch } from '../ledger/admit.ts';
import type { BatchOutcome } from '../ledger/batch-outcome.ts';
import { logEntryOf, outcomesOf, sampleLetters } from '../ledger/batch-outcome.ts';
import { type LockedStreams, lockStreams, saveStreams } from '../ledger/ledger-store.ts';
import { isCommitted } from '../ledger/stream-row.ts';
import type { Session, Store } from '../store/connection.ts';
import { type WriteContext, writeRows } from '../store/write-rows.ts';
import {
  batchOf,
  clustersOf,
  type LoggedBatch,
  readLogged,
  removeRows,
  saveLogged,
  touchMinutes,
  unlimited,
  unpackRows,
} from './batch-rows.ts';
import { correctLatest, takeLatest } from './correct-latest.ts';
import { correctLetters } from './correct-letters.ts';

export type RepairContext = WriteContext & { readonly store: Store };

export type Repaired = {
  readonly batches: number;
  readonly stored: number;
  readonly rejected: number;
  /** Rows that the log said were there and were not. */
  readonly absent: number;
  /** Batches that the log or the ledger no longer has. */
  readonly unknown: readonly AdmittedBatch[];
  /** Minutes since 1970 in which rows were taken out or written. */
  readonly minutes: ReadonlySet<number>;
};

/** Live data of the same gateways waits for what we hold: what we wait for ourselves must not make that long. */
const lockTimeoutMs = 2_000;
const minuteMicros = 60_000_000;

type Logged = AdmittedBatch & { readonly logged: LoggedBatch };

/** @throws FieldlineError of the database; after any error the same call may be made again */
export async function repairBatches(context: RepairContext, batches: readonly AdmittedBatch[]): Promise<Repaired> {
  const { store, series } = context;
  try {
    // Apart from what takes long: the registry is held from when series are resolved until the transaction ends.
    const ids = await store.inTransaction((session) => seriesOf(context, session, batches));
    series.committed();
    await store.inTransaction((session) => unpack(context, session, batches, ids));
    const repaired = await store.inTransaction((session) => transaction(context, session, batches));
    series.committed();
    return repaired;
  } catch (error) {
    series.clear();
    throw error;
  }
}

async function unpack(
  context: RepairContext,
  session: Session,
  batches: readonly AdmittedBatch[],
  ids: readonly number[],
): Promise<void> {
  const logged = await withLog(session, batches);
  for (const cluster of clustersOf(logged.map((each) => each.logged)))
    await unpackRows(session, context.edition, cluster, ids);
}

async function transaction(
  context: RepairContext,
  session: Session,
  batches: readonly AdmittedBatch[],
): Promise<Repaired> {
  await session.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
  await unlimited(session, context.edition);
  const streams = new Map(batches.map(({ batch, gateway }) => [batch.stream, gateway]));
  const locked = await lockStreams(session, { streams, gateways: [], predecessors: [], openings: [] });
  const known = (await withLog(session, batches)).filter(({ batch }) => isCommittedIn(locked, batch.stream, batch.seq));
  const unknown = batches.filter(({ batch }) => !known.some((each) => each.batch === batch));
  if (known.length === 0) return { batches: 0, stored: 0, rejected: 0, absent: 0, unknown, minutes: new Set() };

  const ids = await seriesOf(context, session, known);
  const names = known.map(({ logged }) => logged.batch);
  const latest = await takeLatest(session, ids, names);
  const { minutes, absent } = await removeAll(session, known, ids);
  await touchMinutes(session, [...minutes]);
  const { rows, refused } = await writeRows(context, session, known);
  const outcomes = outcomesOf(known, rows, refused);
  for (const { batch } of known) for (const time of batch.time) minutes.add(Math.floor(time / minuteMicros));
  await correctLatest(session, latest, ids, names);
  await correctLetters(
    session,
    known.map(({ origin }) => origin),
    outcomes.flatMap(sampleLetters),
  );
  await saveOutcomes(session, known, outcomes, locked);
  await session.query('NOTIFY fieldline_commit');
  const stored = outcomes.reduce((sum, outcome) => sum + outcome.stored, 0);
  const rejected = outcomes.reduce((sum, { batch }) => sum + batch.sent, 0) - stored;
  return { batches: known.length, stored, rejected, absent, unknown, minutes };
}

const isCommittedIn = ({ rows }: LockedStreams, stream: string, seq: number): boolean => {
  const row = rows.get(stream);
  return row !== undefined && isCommitted(row, seq);
};

async function withLog(session: Session, batches: readonly AdmittedBatch[]): Promise<Logged[]> {
  const received = batches.map(({ origin }) => origin.receivedAt);
  const names = batches.map(({ streamNo, batch }) => batchOf(streamNo, batch.seq));
  const logged = await readLogged(session, names, { from: Math.min(...received), to: Math.max(...received) });
  return batches.flatMap((each, place) => {
    const entry = logged.get(names[place] as string);
    return entry === undefined ? [] : [{ ...each, logged: entry }];
  });
}

async function seriesOf(
  { series }: RepairContext,
  session: Session,
  batches: readonly AdmittedBatch[],
): Promise<number[]> {
  const lists = await series.resolve(
    session,
    batches.map(({ gateway, batch }) => ({ gateway, tags: batch.tags })),
  );
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

async function removeAll(
  session: Session,
  known: readonly Logged[],
  ids: readonly number[],
): Promise<{ minutes: Set<number>; absent: number }> {
  const minutes = new Set<number>();
  const left = new Map(known.map(({ logged }) => [logged.batch, logged.stored]));
  const clusters = clustersOf(known.map(({ logged }) => logged));
  const take = async (seriesIds: readonly number[] | null): Promise<void> => {
    for (const cluster of clusters) {
      if (cluster.batches.every((batch) => (left.get(batch) ?? 0) <= 0)) continue;
      for (const { batch, minute, rows } of await removeRows(session, cluster, seriesIds)) {
        left.set(batch, (left.get(batch) ?? 0) - rows);
        minutes.add(minute);
      }
    }
  };
  await take(ids);
  // Fewer than the log says: they may stand under series that have been given other numbers since.
  await take(null);
  return { minutes, absent: [...left.values()].reduce((sum, rows) => sum + Math.max(0, rows), 0) };
}

async function saveOutcomes(
  session: Session,
  known: readonly Logged[],
  outcomes: readonly BatchOutcome[],
  locked: LockedStreams,
): Promise<void> {
  const rows = new Map(locked.rows);
  const entries = outcomes.map((outcome, place) => {
    const { batch, receivedAt, stored: before, rejected: rejectedBefore } = (known[place] as Logged).logged;
    const { stored, rejected, fromTime, toTime } = logEntryOf(outcome);
    const row = rows.get(outcome.batch.stream);
    if (row !== undefined) {
      const change = { stored: row.stored + stored - before, rejected: row.rejected + rejected - rejectedBefore };
      rows.set(outcome.batch.stream, { ...row, ...change });
    }
    return { batch, receivedAt, stored, rejected, fromTime, toTime };
  });
  await saveLogged(session, entries);
  await saveStreams(session, [...rows.values()]);
}
