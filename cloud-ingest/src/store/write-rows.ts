/** Batches become rows, with everything that follows from rows: series, the rules of the registry, latest values, roll-ups. One way for all who store. */
import type { DecodedBatch } from '@fieldline/shared/contracts';
import type { Session } from './connection.ts';
import type { Edition } from './edition.ts';
import { newestRows, upsertLatest } from './latest.ts';
import { type Rows, rowsOf } from './rows.ts';
import { applyRules, type Rules } from './rules.ts';
import type { SeriesCache } from './series.ts';
import { touchRollups } from './touch-rollups.ts';
import { type RefusedRow, type WrittenSamples, writeSamples } from './write-samples.ts';

/** What became rows, for those who tell others of it. */
export type Written = {
  readonly batches: readonly BatchToWrite[];
  readonly rows: Rows;
  readonly refused: readonly RefusedRow[];
  readonly rulesOf: (seriesId: number) => Rules;
};

/** Resolves when the samples are durable there; the transaction of the rows waits for it. */
export type Publish = (written: Written) => Promise<void>;

export type WriteContext = {
  readonly edition: Edition;
  readonly publish?: Publish | undefined;
  /** The caller says `committed()` or `clear()` when the transaction has ended. */
  readonly series: SeriesCache;
};

export type BatchToWrite = {
  readonly gateway: string;
  readonly streamNo: number;
  readonly batch: DecodedBatch;
  /** In the batch as sent, of each sample; left out where all that can be stored of it are here. */
  readonly positions?: readonly number[];
};

/**
 * Row n of `rows` is the nth sample of the batches, one batch after the other; `refused` are those that PostgreSQL does not take.
 * Who is allowed to store a batch, and whether it is stored already, is decided before.
 * @throws FieldlineError for everything that is not the fault of a row
 */
export async function writeRows(
  context: WriteContext,
  session: Session,
  batches: readonly BatchToWrite[],
): Promise<WrittenSamples & { readonly rows: Rows }> {
  const seriesIds = await context.series.resolve(
    session,
    batches.map(({ gateway, batch }) => ({ gateway, tags: batch.tags })),
  );
  const received = rowsOf(
    batches.map(({ streamNo, batch: { seq, time, value, quality, tagIndex } }, index) => {
      return { streamNo, seq, time, value, quality, tagIndex, seriesIds: seriesIds[index] ?? [] };
    }),
  );
  const rulesOf = (seriesId: number): Rules => context.series.rulesOf(seriesId);
  const rows = applyRules(received, rulesOf);
  const { refused, taken } = await writeSamples(session, rows);
  await upsertLatest(session, rows, newestRows(rows, new Set(refused.map(({ row }) => row))));
  await touchRollups(session, rows);
  await context.publish?.({ batches, rows, refused, rulesOf });
  return { rows, refused, taken };
}
