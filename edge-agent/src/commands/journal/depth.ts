/** How much is held: batches, samples, bytes, and since when it waits. Sums of segments to streams, of streams to all. Pure. */
import type { Micros } from '@fieldline/shared/contracts';

export type Part = { readonly batches: number; readonly samples: number };
export type Waiting = Part & {
  /** When the batch was made. null where none waits. */
  readonly oldestAt: Micros | null;
  readonly newestAt: Micros | null;
};
export type Depth = Part & {
  /** Of the files. */
  readonly sizeBytes: number;
  readonly unconfirmed: Waiting;
  /** Confirmed, and still held. */
  readonly confirmed: Part;
};

export const emptyDepth: Depth = {
  batches: 0,
  samples: 0,
  sizeBytes: 0,
  unconfirmed: { batches: 0, samples: 0, oldestAt: null, newestAt: null },
  confirmed: { batches: 0, samples: 0 },
};

export const addDepth = (left: Depth, right: Depth): Depth => ({
  ...addPart(left, right),
  sizeBytes: left.sizeBytes + right.sizeBytes,
  unconfirmed: {
    ...addPart(left.unconfirmed, right.unconfirmed),
    oldestAt: either(Math.min, left.unconfirmed.oldestAt, right.unconfirmed.oldestAt),
    newestAt: either(Math.max, left.unconfirmed.newestAt, right.unconfirmed.newestAt),
  },
  confirmed: addPart(left.confirmed, right.confirmed),
});

const addPart = (left: Part, right: Part): Part => ({
  batches: left.batches + right.batches,
  samples: left.samples + right.samples,
});

const either = (
  choose: (left: Micros, right: Micros) => Micros,
  left: Micros | null,
  right: Micros | null,
): Micros | null => (left === null || right === null ? (left ?? right) : choose(left, right));
