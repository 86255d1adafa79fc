/**
 * In the place of `processor/store-records.ts`: rows and latest values in a transaction, then the offsets to Kafka, as an
 * ingest that stores at least once does it. Every row has the batch number 0.
 */
import type * as real from '../../../../cloud-ingest/src/processor/store-records.ts';
import { writeRows } from '../../../../cloud-ingest/src/store/write-rows.ts';
import { commitOffsets } from './committing-kafka.ts';

export const storeRecords: typeof real.storeRecords = async (context, records, _expected, next) => {
  const batches = records.flatMap((record) =>
    record.kind === 'batch' ? [{ ...record, batch: { ...record.batch, seq: 0 }, streamNo: 0 }] : [],
  );
  const { rows, refused, taken } = await context.store.inTransaction((session) => writeRows(context, session, batches));
  context.series.committed();
  await commitOffsets(context.source.topic, next);
  return { kind: 'stored', stored: rows.count - refused.length, duplicateSamples: 0, letters: [], taken };
};
