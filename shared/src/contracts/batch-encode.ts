import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Batch, batchVersion, type Compression } from './batch.ts';
import { unpackBatch } from './batch-decode.ts';
import type { Sample, Tag, Value } from './sample.ts';
import { defaultClass } from './tag-class.ts';
import { TagPlaces } from './tag-places.ts';

/** Of neighbours of one device: device, tag, type, tag, type, … */
type Run = string[];

/** The columns of the samples, before compression. Arrays are made as long as they will be: to let them grow leaves thrice as much behind. */
function columnsOf(samples: readonly Sample[], places: TagPlaces) {
  const count = samples.length;
  const t = new Array<number>(count);
  const x = new Array<number | boolean | string | null>(count);
  const q: [number, number][] = [];
  const t0 = samples[0]?.time ?? 0;
  let previous = t0;
  // By number: an iterator makes an object for each of them where the code is not hot yet, and twice a second is never hot.
  for (let position = 0; position < count; position++) {
    const { tag, time, value, quality } = samples[position] as Sample;
    t[position] = time - previous;
    previous = time;
    x[position] = wireValue(value, tag);
    if (quality !== 0) q.push([position, quality]);
  }
  const tags = places.distinct(samples);
  const i = tags.length === count ? undefined : samples.map(({ tag }) => places.placeOf(tag));
  return { tags: runsOf(tags), t0, ...(i === undefined ? {} : { i }), t, x, q };
}

function runsOf(tags: readonly Tag[]): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < tags.length; ) {
    const { device } = tags[from] as Tag;
    let to = from + 1;
    while (tags[to]?.device === device) to += 1;
    runs.push(runOf(device, tags, from, to));
    from = to;
  }
  return runs;
}

/** Of the tags `from` ≤ n < `to`. */
function runOf(device: string, tags: readonly Tag[], from: number, to: number): Run {
  const run = new Array<string>(1 + 2 * (to - from));
  run[0] = device;
  for (let n = from; n < to; n++) {
    const { tag, type } = tags[n] as Tag;
    run[2 * (n - from) + 1] = tag;
    run[2 * (n - from) + 2] = type;
  }
  return run;
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

/**
 * The bytes of a batch: called once in the life of a batch. The caller keeps them within `maxBatchBytes`, and where it makes one after
 * the other, `places` as well.
 */
export function encodeBatch(batch: Batch, compression: Compression, places = new TagPlaces()): Buffer {
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
    ...columnsOf(samples, places),
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
