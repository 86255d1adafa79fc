/**
 * What the cloud knows of one stream, and how it changes: pure functions from row to row.
 *
 * A seq is in one of these sets or missing:
 *   committed  its batch is in the database: stored beats everything else
 *   declared   the gateway said that it will not come
 *   dead       its batch can never be stored and lies in the dead letters
 * `declared` and `dead` may overlap `committed`; whoever asks what is lost takes `committed` off them first.
 */
import {
  addRange,
  type Declaration,
  type DecodedBatch,
  defaultClass,
  hasNumber,
  intersectRanges,
  type Micros,
  type Ranges,
  subtractRanges,
  type TagClass,
  unionRanges,
} from '@fieldline/shared/contracts';

export type StreamRow = {
  readonly streamNo: number;
  readonly stream: string;
  readonly gateway: string;
  /** Until a batch of it has come, that of its successor, or the default. */
  readonly class: TagClass;
  readonly previous: string | null;
  readonly previousLastSeq: number | null;
  readonly firstReceivedAt: Micros | null;
  readonly lastReceivedAt: Micros | null;
  /** Highest seq known, from batches, from the newest state message or from a successor. */
  readonly lastSeq: number;
  /** Cumulative, as the batch `countedSeq` states them: the highest received, or declared with what it states. */
  readonly read: number;
  readonly filtered: number;
  readonly countedSeq: number;
  readonly committed: Ranges;
  readonly declared: Ranges;
  readonly dead: Ranges;
  readonly held: Ranges;
  /** Batches that may not be in the journal of the gateway: a successor need not know of them. */
  readonly volatile: Ranges;
  /** A stream that was opened beside this one, and since when: two-gateways.ts. */
  readonly rival: string | null;
  readonly rivalSince: Micros | null;
  /** Of batches received, each counted once: samples = stored + rejected. */
  readonly samples: number;
  readonly stored: number;
  readonly rejected: number;
  /** Samples that were read and are declared: in batches that are not committed, as far as the gateway could tell, and thinned away. */
  readonly declaredSamples: number;
  readonly duplicateBatches: number;
  readonly duplicateSamples: number;
};

type Settled = Pick<StreamRow, 'committed' | 'declared' | 'dead'>;
type DeclaredBatches = Pick<Extract<Declaration, { kind: 'batches' }>, 'from' | 'to' | 'samples' | 'counts'>;
type Batch = Pick<DecodedBatch, 'seq' | 'read' | 'filtered' | 'sent' | 'previous' | 'volatile' | 'class'>;

export const isCommitted = (row: StreamRow, seq: number): boolean => hasNumber(row.committed, seq);

export function withBatch(row: StreamRow, batch: Batch, receivedAt: Micros): StreamRow {
  const { seq, previous } = batch;
  const counted = seq > row.countedSeq ? batch : row;
  return {
    ...row,
    lastSeq: Math.max(row.lastSeq, seq),
    firstReceivedAt: earliest(row, receivedAt),
    lastReceivedAt: latest(row, receivedAt),
    class: batch.class ?? defaultClass,
    volatile: batch.volatile ? addRange(row.volatile, seq) : row.volatile,
    previous: previous == null ? row.previous : previous.stream,
    previousLastSeq: previous == null ? row.previousLastSeq : previous.lastSeq,
    read: counted.read,
    filtered: counted.filtered,
    countedSeq: Math.max(seq, row.countedSeq),
    committed: addRange(row.committed, seq),
    // Redriven, or sent again by its gateway.
    dead: hasNumber(row.dead, seq) ? subtractRanges(row.dead, [[seq, seq]]) : row.dead,
    samples: row.samples + batch.sent,
  };
}

/** More samples came than were read: each batch states what its stream has read so far, and none comes twice here. */
export const countsContradict = ({ read, filtered, samples }: StreamRow): boolean => read - filtered < samples;

/** After the rows of a batch were written: how many of its samples are rows. */
export const withOutcome = (row: StreamRow, stored: number, rejected: number): StreamRow => ({
  ...row,
  stored: row.stored + stored,
  rejected: row.rejected + rejected,
});

export const withDuplicate = (row: StreamRow, samples: number, receivedAt: Micros): StreamRow => ({
  ...row,
  lastReceivedAt: latest(row, receivedAt),
  duplicateBatches: row.duplicateBatches + 1,
  duplicateSamples: row.duplicateSamples + samples,
});

export const withDead = (row: StreamRow, seq: number, receivedAt: Micros): StreamRow => ({
  ...row,
  lastSeq: Math.max(row.lastSeq, seq),
  firstReceivedAt: earliest(row, receivedAt),
  lastReceivedAt: latest(row, receivedAt),
  dead: addRange(row.dead, seq),
});

/** `samples`: as stated, of the whole range; what came of it all the same is taken off by `withFewerDeclared`. */
export const withDeclared = (row: StreamRow, { from, to, samples, counts }: DeclaredBatches): StreamRow => ({
  ...row,
  ...(counts !== undefined && to > row.countedSeq ? { ...counts, countedSeq: to } : {}),
  lastSeq: Math.max(row.lastSeq, to),
  declared: addRange(row.declared, from, to),
  declaredSamples: row.declaredSamples + (samples ?? 0),
});

/** Of a predecessor: the streams of a chain are of one class. What came of it itself counts more. */
export const withClassOf = (row: StreamRow, successor: StreamRow): StreamRow =>
  row.firstReceivedAt === null ? { ...row, class: successor.class } : row;

export const withRival = (row: StreamRow, rival: string, since: Micros): StreamRow => ({
  ...row,
  rival,
  rivalSince: since,
});

export const withoutRival = (row: StreamRow): StreamRow => ({ ...row, rival: null, rivalSince: null });

/** Samples of its batches that the gateway took out before it sent them: read, and never to come. */
export const withThinned = (row: StreamRow, samples: number): StreamRow => ({
  ...row,
  declaredSamples: row.declaredSamples + samples,
});

/** Samples of declared batches that came all the same: correct-declared.ts. */
export const withFewerDeclared = (row: StreamRow, samples: number): StreamRow => ({
  ...row,
  declaredSamples: Math.max(0, row.declaredSamples - samples),
});

/** A successor, or a will that was written at connect, tells how far the stream went at least. */
export const withLastSeq = (row: StreamRow, lastSeq: number): StreamRow =>
  lastSeq > row.lastSeq ? { ...row, lastSeq } : row;

/** The gateway itself tells how far the stream goes now: that corrects whatever was said before, but not what came. */
export const withReportedLastSeq = (row: StreamRow, lastSeq: number): StreamRow => ({
  ...row,
  lastSeq: Math.max(lastSeq, provenLastSeq(row)),
});

/** Highest seq that a batch has shown, with its own or in a declaration; 0 without any. */
export const provenLastSeq = ({ committed, declared, dead }: Settled): number =>
  Math.max(...[committed, declared, dead].map((ranges) => ranges.at(-1)?.[1] ?? 0));

/** Highest seq of those that the gateway must find in its journal. */
export const journalledLastSeq = (row: StreamRow): number =>
  provenLastSeq({ ...row, committed: subtractRanges(row.committed, row.volatile) });

export const withHeld = (row: StreamRow, held: Ranges): StreamRow => ({ ...row, held });

const earliest = (row: StreamRow, receivedAt: Micros): Micros =>
  Math.min(row.firstReceivedAt ?? receivedAt, receivedAt);
const latest = (row: StreamRow, receivedAt: Micros): Micros => Math.max(row.lastReceivedAt ?? 0, receivedAt);

/** Batches that the gateway need not keep: stored, declared or finally dead-lettered. */
export const settledOf = (row: Settled): Ranges => unionRanges(unionRanges(row.committed, row.declared), row.dead);

/** Known to exist, and none of the above. */
export const missingOf = (row: Pick<StreamRow, 'committed' | 'declared' | 'dead' | 'lastSeq'>): Ranges =>
  row.lastSeq === 0 ? [] : subtractRanges([[1, row.lastSeq]], settledOf(row));

/** Missing ones that the gateway says it can send again. */
export const recoverableOf = (row: Pick<StreamRow, 'committed' | 'declared' | 'dead' | 'lastSeq' | 'held'>): Ranges =>
  intersectRanges(missingOf(row), row.held);
