/**
 * A batch: the samples of one journal flush of one gateway, encoded once and never changed. Wire format version 2.
 *
 * The bytes are JSON, or JSON compressed with gzip (they begin 1f 8b) or zstd (28 b5 2f fd): the bytes say which. The JSON
 * is one object:
 *
 *   v         2
 *   gateway   id of the gateway; must be the one in the topic
 *   stream    UUID, new at every opening of the journal
 *   seq       from 1, without holes
 *   previous  only with seq 1: {stream, lastSeq} of the opening before, or null where there is none; also null in a volatile
 *             stream, which is no opening
 *   read      how many samples the drivers have given in this stream, this batch included
 *   filtered  how many of those the filter has held back; so read = filtered + samples of batches 1..seq
 *             a batch with read < filtered + its own samples is refused
 *   thinned   in a batch of a journal that was full and was thinned before this was ever sent: how many samples were taken out of
 *             batches up to this one and are declared (`thinned`) by one that comes after it; absent for 0. So read = filtered +
 *             thinned + samples of batches 1..seq + those that these declare as thinned
 *   volatile  true if the batch was never in the journal, or may not have got there; else absent
 *   class     of its stream, which holds samples of this class of tags only: "debug", "energy" or "alarm"; absent for "process"
 *   tags      the series in the batch: [device, tag, type, tag, type, …], neighbours of one device together
 *   i         per sample: index into the series; absent where each has one sample, in this order
 *   t0        time that the first delta counts from, µs since 1970 UTC
 *   t         per sample: µs since the sample before it
 *   x         per sample: value, null if bad; 64-bit integers beyond ±(2^53 − 1) as decimal strings; a float32 in as many digits
 *             as it takes to tell it from other float32, so a reader rounds it to one
 *   q         [position, quality code] of each sample that is not good
 *   declared  declarations; absent if there are none
 *
 * Version 1 has one series in each entry of `tags`, always an `i`, and `float32` in all digits of their `float64`.
 *
 * Limits: `maxBatchBytes` as sent, `maxDecodedBytes` after decompression, `maxBatchSamples` samples.
 */
import type { Declaration } from './declaration.ts';
import type { QualityCode } from './quality.ts';
import type { Micros, Sample, Tag, Value } from './sample.ts';
import type { TagClass } from './tag-class.ts';

export const batchVersion = 2;
/** The strictest managed broker takes 128 kB per message. */
export const maxBatchBytes = 120_000;
/** Against a small message that unpacks to gigabytes. */
export const maxDecodedBytes = 8 * 1024 * 1024;
export const maxBatchSamples = 20_000;

export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

export type Predecessor = { readonly stream: string; readonly lastSeq: number };

export type BatchHead = {
  readonly gateway: string;
  readonly stream: string;
  readonly seq: number;
  /** Stated with seq 1 only. */
  readonly previous?: Predecessor | null;
  readonly read: number;
  readonly filtered: number;
  /** Absent: 0. */
  readonly thinned?: number;
  readonly volatile: boolean;
  /** Absent: process. */
  readonly class?: TagClass;
  readonly declared: readonly Declaration[];
};

export type Batch = BatchHead & { readonly samples: readonly Sample[] };

/** A sample of a batch that cannot be stored; the others of its batch can. */
export type RejectedSample = {
  /** Index of the sample in the batch as sent. */
  readonly position: number;
  readonly code: 'sample/malformed' | 'sample/time-out-of-window';
  readonly reason: string;
};

/** A batch in columns, as the reader gets it: entry n of each column belongs to the nth sample that can be stored. */
export type DecodedBatch = BatchHead & {
  readonly tags: readonly Tag[];
  /** Number of samples as sent, rejected ones included. */
  readonly sent: number;
  readonly tagIndex: readonly number[];
  readonly time: readonly Micros[];
  readonly value: readonly (Value | null)[];
  readonly quality: readonly QualityCode[];
  readonly rejected: readonly RejectedSample[];
};
