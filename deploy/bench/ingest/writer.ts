/** Rows by the write path of the processor itself, without the backbone before it: to fill a table quickly. */
import type { DatabaseConfig } from '@fieldline/shared/config';
import { openStore } from '../../../cloud-ingest/src/store/connection.ts';
import { editionOfSchema } from '../../../cloud-ingest/src/store/migrate.ts';
import { SeriesCache } from '../../../cloud-ingest/src/store/series.ts';
import { type BatchToWrite, writeRows } from '../../../cloud-ingest/src/store/write-rows.ts';

export type Writer = {
  /** One transaction. Resolves with its rows when they are committed. */
  readonly write: (batches: readonly BatchToWrite[]) => Promise<number>;
  /** The share of all rows so far that went straight to the columnstore, 0–1. */
  readonly directShare: () => number;
  readonly close: () => Promise<void>;
};

export async function openWriter(config: DatabaseConfig): Promise<Writer> {
  const store = openStore(config, 'fieldline-bench', 1);
  const edition = await store.withSession((session) => editionOfSchema(session, config.schema));
  const context = { edition, series: new SeriesCache() };
  let all = 0;
  let direct = 0;
  return {
    write: async (batches) => {
      const { rows, refused, taken } = await store.inTransaction((session) => writeRows(context, session, batches));
      context.series.committed();
      all += rows.count;
      for (const { path, rows: ofPath } of taken) if (path === 'columnstore') direct += ofPath;
      return rows.count - refused.length;
    },
    directShare: () => direct / all,
    close: store.close,
  };
}
