import type { Declaration, Micros, TagClass } from '@fieldline/shared/contracts';

export type BatchId = { readonly stream: string; readonly seq: number };

/** A batch as it is published: its bytes were encoded once and never change. */
export type StoredBatch = BatchId & { readonly samples: number; readonly bytes: Buffer };

/** A batch as it is written. Its declarations stand beside the bytes, so that they can be stated again if it must go. */
export type NewBatch = StoredBatch & {
  readonly class: TagClass;
  readonly encodedAt: Micros;
  readonly declared: readonly Declaration[];
};

export type Extent = { readonly batches: number; readonly samples: number };

export const bytesIn = (batches: readonly StoredBatch[]): number =>
  batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
