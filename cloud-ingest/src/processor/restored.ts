/**
 * A database that was put back from a backup says the same of itself as before. What gives it away:
 *
 *   its offsets lie before those that we saw in it        while a processor runs; looked for at each assignment, and now and then
 *   an acknowledgement that the broker keeps says more    when a processor starts: the broker remembers what we no longer can
 *   than the ledger has
 *
 * Then it is given another incarnation, and all gateways are told, so that they send again what they keep. The rest follows
 * from the offsets: what the backbone still has is read again, and what was stored before the backup is dropped as duplicate.
 */
import { type AckMessage, subtractRanges } from '@fieldline/shared/contracts';
import { type Clock, type Log, retry } from '@fieldline/shared/runtime';
import { reportAnomalies, streamColumns, streamRowOf } from '../ledger/ledger-store.ts';
import { settledOf } from '../ledger/stream-row.ts';
import type { Session, Store } from '../store/connection.ts';
import { readIncarnation, renewIncarnation } from '../store/incarnation.ts';
import { type NextMarks, readOffsets, type SourceTopic } from './offsets.ts';
import type { Positions } from './positions.ts';
import type { ProcessorMetrics } from './processor-metrics.ts';
import { isDatabaseTrouble } from './trouble.ts';

export type RestoreWatch = {
  /** Where the database stands; what it was thought to have is compared first. */
  readonly marks: (partitions: readonly number[]) => Promise<NextMarks>;
  /** Compares what was confirmed by earlier programs, as soon as it is known. */
  readonly compareWhenRead: (retained: Promise<readonly AckMessage[]>, signal: AbortSignal) => void;
  /** Idempotent. */
  readonly close: () => Promise<void>;
};

export type RestoreWatchParts = {
  readonly store: Store;
  readonly source: SourceTopic;
  readonly positions: Positions;
  /** What is cached of the database is void: it may hold other series under the same numbers. */
  readonly forget: () => void;
  /** Begins again from the offsets in the database. */
  readonly rewind: () => void;
  /** Gateways that have to be told. */
  readonly touch: (gateways: Iterable<string>) => void;
  readonly counts: ProcessorMetrics;
  readonly clock: Clock;
  readonly log: Log;
};

/** Without traffic nothing else would find out. */
const lookEveryMs = 2_000;
/** Clocks of processors differ by less. */
const skewMicros = 600_000_000;
const retryPauses = { firstMs: 250, maxMs: 10_000 };
/** Acknowledgements compared in one query. */
const maxAcks = 200;

type Details = Readonly<Record<string, string | number>>;

export function createRestoreWatch(parts: RestoreWatchParts): RestoreWatch {
  const { store, source, positions, forget, rewind, touch, counts, clock, log } = parts;
  /** Of the database that `positions` are of. */
  let known: string | null = null;
  /** When it last stood no earlier than `positions`. */
  let comparedAt = clock.now();
  let looking: Promise<void> = Promise.resolve();
  let comparing: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch((error: unknown) => {
      // The loops tell of trouble with the database.
      if (!isDatabaseTrouble(error)) log.error({ err: error }, 'the database could not be compared');
    });
  }, lookEveryMs);

  async function marks(partitions: readonly number[]): Promise<NextMarks> {
    // Those that were ours before bear witness too.
    const before = positions.of(new Set([...partitions, ...positions.partitions()]));
    const { incarnation, found, behind } = await store.withSession(async (session) => {
      const incarnation = await readIncarnation(session);
      return { incarnation, ...(await compareOffsets(session, before)) };
    });
    if (behind !== null) await goneBack(known ?? incarnation, { topic: source.topic, ...behind });
    if (behind !== null || (known !== null && known !== incarnation)) forget();
    // What was fetched lies ahead of the new positions: stored from there, it would leave a hole.
    if (behind !== null) rewind();
    known = incarnation;
    // In the same turn: a transaction that began before this finds other offsets than it expects.
    positions.set(found);
    return new Map(partitions.map((partition) => [partition, found.get(partition) ?? null]));
  }

  async function look(): Promise<void> {
    const before = positions.of(positions.partitions());
    const { behind } = await store.withSession((session) => compareOffsets(session, before));
    // The positions are asked for again, and compared there.
    if (behind !== null) rewind();
  }

  async function compareOffsets(session: Session, before: NextMarks) {
    const since = comparedAt - skewMicros;
    const now = clock.now();
    const found = await readOffsets(session, source, [...before.keys()]);
    const behind = behindOf(before, found, new Set());
    if (behind === null) {
      comparedAt = now;
      return { found, behind };
    }
    // Also by another processor, which tells in the transaction that sets the offset back.
    const remade = await session.query<{ partition: number }>(
      `SELECT (details ->> 'partition')::int4 AS partition FROM anomaly WHERE kind = 'backbone-remade'
         AND details ->> 'topic' = $1 AND at >= TIMESTAMPTZ 'epoch' + $2::int8 * INTERVAL '1 microsecond'`,
      [source.topic, since],
    );
    return { found, behind: behindOf(before, found, new Set(remade.map(({ partition }) => partition))) };
  }

  async function compare(acks: readonly AckMessage[]): Promise<void> {
    for (let from = 0; from < acks.length; from += maxAcks) {
      const some = acks.slice(from, from + maxAcks);
      const [incarnation, lost] = await store.withSession(async (session) => {
        const now = await readIncarnation(session);
        return [
          now,
          await missingFrom(
            session,
            some.filter((ack) => ack.incarnation === now),
          ),
        ];
      });
      if (lost !== null) {
        await goneBack(incarnation, lost);
        return;
      }
    }
  }

  async function compareRetained(retained: Promise<readonly AckMessage[]>, signal: AbortSignal): Promise<void> {
    const aborted = new Promise<readonly AckMessage[]>((resolve) =>
      signal.addEventListener('abort', () => resolve([]), { once: true }),
    );
    const acks = await Promise.race([retained, aborted]);
    try {
      await retry(() => compare(acks), { ...retryPauses, signal, retryable: isDatabaseTrouble });
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'the database could not be compared with what was acknowledged');
    }
  }

  async function goneBack(incarnation: string, details: Details): Promise<void> {
    const gateways = await store.inTransaction(async (session) => {
      if (!(await renewIncarnation(session, incarnation))) return null;
      await reportAnomalies(session, [
        { kind: 'database-restored', gateway: null, at: clock.now(), details: { ...details, noticed: clock.now() } },
      ]);
      return session.query<{ gateway: string }>('SELECT gateway FROM gateway');
    });
    if (gateways === null) return;
    counts.restored.inc();
    log.warn(
      details,
      'the database went back, as when a backup is restored: the backbone is read again from there, and the gateways are asked to send what they keep',
    );
    touch(gateways.map(({ gateway }) => gateway));
  }

  return {
    marks,
    compareWhenRead: (retained, signal) => {
      comparing = compareRetained(retained, signal);
    },
    close: async () => {
      clearInterval(timer);
      await Promise.all([looking, comparing]);
    },
  };
}

/** The first partition that stands before where it was seen, and not because its log was made again. */
function behindOf(before: NextMarks, found: NextMarks, remade: ReadonlySet<number>): Details | null {
  for (const [partition, mark] of before) {
    const offset = found.get(partition)?.offset ?? 0;
    if (mark !== null && offset < mark.offset && !remade.has(partition))
      return { partition, seen: mark.offset, found: offset };
  }
  return null;
}

/** The first batch that was confirmed and is not in the ledger: what that has, it keeps for ever. */
async function missingFrom(session: Session, acks: readonly AckMessage[]): Promise<Details | null> {
  const streams = acks.flatMap((ack) => ack.streams.map((each) => each.stream));
  if (streams.length === 0) return null;
  const rows = await session.query<Parameters<typeof streamRowOf>[0]>(
    `SELECT ${streamColumns} FROM stream WHERE stream = ANY($1::uuid[])`,
    [streams],
  );
  const ledger = new Map(rows.map((raw) => [raw.stream, settledOf(streamRowOf(raw))]));
  for (const { gateway, streams: confirmed } of acks)
    for (const { stream, committed } of confirmed) {
      const [lost] = subtractRanges(committed, ledger.get(stream) ?? []);
      if (lost !== undefined) return { gateway, stream, confirmed: lost[1] };
    }
  return null;
}
