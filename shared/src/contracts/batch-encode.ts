import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Batch, batchVersion, type Compression } from './batch.ts';
import { unpackBatch } from './batch-decode.ts';
import type { Sample, Tag, Value } from './sample.ts';
import { defaultClass } from './tag-class.ts';

/** Of neighbours of one device: device, tag, type, tag, type, … */
type Run = string[];

/** The columns of the samples, before compression. */
function columnsOf(samples: readonly Sample[]) {
  const indexOf = new Map<Tag, number>();
  const i: number[] = [];
  const t: number[] = [];
  const x: (number | boolean | string | null)[] = [];
  const q: [number, number][] = [];
  const t0 = samples[0]?.time ?? 0;
  let previous = t0;
  for (const [position, sample] of samples.entries()) {
    const index = indexOf.get(sample.tag) ?? indexOf.size;
    indexOf.set(sample.tag, index);
    i.push(index);
    t.push(sample.time - previous);
    previous = sample.time;
    x.push(wireValue(sample.value, sample.tag));
    if (sample.quality !== 0) q.push([position, sample.quality]);
  }
  const isEachOnce = indexOf.size === samples.length;
  return { tags: runsOf(indexOf.keys()), t0, ...(isEachOnce ? {} : { i }), t, x, q };
}

function runsOf(tags: Iterable<Tag>): Run[] {
  const runs: Run[] = [];
  let device: string | undefined;
  for (const tag of tags) {
    if (tag.device !== device) runs.push([tag.device]);
    device = tag.device;
    runs.at(-1)?.push(tag.tag, tag.type);
  }
  return runs;
}

function wireValue(value: Value | null, { type }: Tag): number | boolean | string | null {
  if (typeof value !== 'bigint') return type === 'float32' && typeof value === 'number' ? shortest(value) : value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** Digits that a float32 has at least, and those that tell each from its neighbours. */
const [fewestDigits, mostDigits] = [6, 9];

/** The number with the fewest digits that rounds to this float32: as text it is half as long. */
function shortest(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  for (let digits = fewestDigits; digits < mostDigits; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(mostDigits));
}

/** More at most in a batch that `markVolatile` marks, however it is compressed. */
export const volatileBytes = 32;

/** A tenth smaller than zstd's own default of 3, for a third of a millisecond in 500 samples. */
const zstdLevel = 6;

/** The bytes of a batch: called once in the life of a batch. The caller keeps them within `maxBatchBytes`. */
export function encodeBatch(batch: Batch, compression: Compression): Buffer {
  const { gateway, stream, seq, previous, read, filtered, declared, samples } = batch;
  const text = JSON.stringify({
    v: batchVersion,
    gateway,
    stream,
    seq,
    ...(previous === undefined ? {} : { previous }),
    read,
    filtered,
    ...(batch.volatile ? { volatile: true } : {}),
    ...(batch.class === undefined || batch.class === defaultClass ? {} : { class: batch.class }),
    ...(batch.thinned === undefined || batch.thinned === 0 ? {} : { thinned: batch.thinned }),
    ...columnsOf(samples),
    ...(declared.length === 0 ? {} : { declared }),
  });
  return compressed(text, compression);
}

function compressed(text: string, compression: Compression): Buffer {
  switch (compression) {
    case 'none':
      return Buffer.from(text);
    case 'gzip':
      return gzipSync(text);
    case 'zstd':
      return zstdCompressSync(text, { params: { [constants.ZSTD_c_compressionLevel]: zstdLevel } });
  }
}

/**
 * The bytes of a batch of ours that says beside all else that it may not have got into the journal: up to `volatileBytes` more.
 */
export function markVolatile(bytes: Buffer, compression: Compression): Buffer {
  const text = unpackBatch(bytes).toString('utf8');
  return compressed(text.replace(/"filtered":(\d+),(?!"volatile")/, '"filtered":$1,"volatile":true,'), compression);
}
