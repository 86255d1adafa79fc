/**
 * A log that does not go on where the database stands: counted, logged, and written down as an anomaly in one transaction
 * with the offset that passes over it, so that it is said once and never lost.
 */
import type { Clock, Log } from '@fieldline/shared/runtime';
import type { ConsumeOptions, Gap, Remade } from '../backbone/backbone.ts';
import { reportAnomalies } from '../ledger/ledger-store.ts';
import type { Store } from '../store/connection.ts';
import { isSameMark, lockOffsets, type Mark, type SourceTopic, setOffset } from './offsets.ts';
import type { Positions } from './positions.ts';
import type { ProcessorMetrics } from './processor-metrics.ts';

export type LogBreakParts = {
  readonly store: Store;
  readonly source: SourceTopic;
  readonly positions: Positions;
  /** What was fetched is void; begins again from the offsets in the database. */
  readonly rewind: () => void;
  readonly counts: ProcessorMetrics;
  readonly clock: Clock;
  readonly log: Log;
};

export function handleLogBreaks(
  parts: LogBreakParts,
): Required<Pick<ConsumeOptions, 'onGap' | 'onRemade' | 'onStall'>> {
  const { positions, rewind, counts, log } = parts;
  return {
    onGap: async (gap) => {
      const { partition, from, to } = gap;
      const mark = await recordGap(parts, gap);
      if (mark !== null) positions.set(new Map([[partition, mark]]));
      counts.gap.inc(to - from + 1);
      log.error(
        { partition, from, to },
        'the backbone lost records before they were stored: its retention is shorter than the lag was',
      );
    },
    onRemade: async (remade) => {
      const { partition, position, oldest, next } = remade;
      const recorded = await recordRemade(parts, remade);
      // Also if not: then the database stands elsewhere by now, and the log is to be compared with that. First, so that
      // nothing of the old log can follow into the new one.
      rewind();
      if (recorded) {
        positions.set(new Map([[partition, { offset: oldest, proof: null }]]));
        counts.remade.inc();
        log.error(
          { partition, position: position.offset, oldest, next },
          'a topic of the backbone was deleted and made again, or lost its end: what was not stored of it is gone, unless the gateways still hold it',
        );
      }
    },
    onStall: () => counts.stalls.inc(),
  };
}

/**
 * Where the database stands now, or null: it does not move as long as something that was fetched before the gap is on its
 * way there; what comes behind the gap will move it.
 */
function recordGap({ store, source, clock }: LogBreakParts, { partition, from, to }: Gap): Promise<Mark | null> {
  return store.inTransaction(async (session) => {
    const standing = (await lockOffsets(session, source, [partition])).get(partition);
    const details = { topic: source.topic, partition, from, to };
    await reportAnomalies(session, [{ kind: 'backbone-gap', gateway: null, at: clock.now(), details }]);
    if (standing?.offset !== from) return null;
    const mark = { offset: to + 1, proof: null };
    await setOffset(session, source, partition, mark);
    return mark;
  });
}

/**
 * The partition begins at the oldest record of the new log; what it has that was stored before, the ledger drops. False, and
 * nothing changed, if the database no longer stands where the old log was left.
 */
function recordRemade(
  { store, source, clock }: LogBreakParts,
  { partition, position, oldest, next }: Remade,
): Promise<boolean> {
  return store.inTransaction(async (session) => {
    const standing = (await lockOffsets(session, source, [partition])).get(partition);
    if (!isSameMark(standing, { offset: position.offset, proof: position.proof ?? null })) return false;
    const at = clock.now();
    // With its time: a topic may be made again twice at the same offsets.
    const details = { topic: source.topic, partition, position: position.offset, oldest, next, noticed: at };
    await reportAnomalies(session, [{ kind: 'backbone-remade', gateway: null, at, details }]);
    await setOffset(session, source, partition, { offset: oldest, proof: null });
    return true;
  });
}
