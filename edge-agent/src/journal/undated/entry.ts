/** What a file of undated samples says, apart from the samples themselves. All times are µs of the boot. */
import { lossReasons, tagClasses } from '@fieldline/shared/contracts';
import { z } from 'zod';
import { isBelieved } from './boot.ts';

const row = z.int().positive();
const tagClass = z.enum(tagClasses);
const count = z.int().nonnegative();

const heldSchema = z.object({
  kind: z.literal('held'),
  row,
  tagClass,
  first: z.int(),
  /** Of the flush. */
  last: z.int(),
  samples: count,
  filtered: count,
  sizeBytes: count,
  bytesChecksum: count,
});

const lostSchema = z.object({
  kind: z.literal('lost'),
  row,
  tagClass,
  /** null: the whole gateway, the whole device. */
  device: z.string().nullable(),
  tag: z.string().nullable(),
  first: z.int(),
  /** null: until the next start, whenever that was. */
  last: z.int().nullable(),
  samples: count.nullable(),
  /** Of flushes that went: they were read all the same. */
  filtered: count,
  reason: z.enum(lossReasons),
});

export const entrySchema = z.discriminatedUnion('kind', [heldSchema, lostSchema]);
/** The samples of one class in one flush. */
export type Held = z.infer<typeof heldSchema>;
/** Samples that are lost, to be declared when time comes. */
export type Lost = z.infer<typeof lostSchema>;
/** Entries of a file are numbered from 1 in the order of their making. */
export type Entry = Held | Lost;

/** µs of the boot that it is known to have lasted; a loss may have a true time already. */
export const lastOf = (entries: readonly Entry[]): number =>
  entries.reduce((latest, { first, last }) => Math.max(latest, ...[first, last ?? first].filter(isOfBoot)), 0);

const isOfBoot = (micros: number): boolean => !isBelieved(micros);

export const headSchema = z.object({
  gateway: z.string(),
  /** Of the first process that wrote it. */
  begunAt: z.int(),
  /** Of the last one. */
  continuedAt: z.int(),
  /** What makes a time of the µs of the boot; null as long as nobody knows. */
  offset: z.int().nullable(),
  /** The boot never knew it. */
  isEstimated: z.boolean(),
  /** Nothing was read after the last entry, or it is in the journal. */
  isEnded: z.boolean(),
  /** Ids of files that went to make room: what they held is declared here. */
  replaced: z.array(z.string()),
});
export type Head = z.infer<typeof headSchema>;
