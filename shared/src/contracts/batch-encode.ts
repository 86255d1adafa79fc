import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Batch, type BatchHead, batchVersion, type Compression } from './batch.ts';
import { unpackBatch } from './batch-decode.ts';
import type { Tag, Value } from './sample.ts';
import { SampleColumns, type SamplePart } from './sample-columns.ts';
import { defaultClass } from './tag-class.ts';
import { TagPlaces } from './tag-places.ts';

/** Of neighbours of one device: device, tag, type, tag, type, … */
type Run = string[];

/** What the JSON says of the samples. Arrays are made as long as they will be: to let them grow leaves thrice as much behind. */
function wireColumns(part: SamplePart, places: TagPlaces) {
  const { columns, from, to } = part;
  const count = to - from;
  const t = new Array<number>(count);
  const x = new Array<number | boolean | string | null>(count);
  const q: [number, number][] = [];
  const t0 = count === 0 ? 0 : columns.timeAt(from);
  let previous = t0;
  for (let position = 0; position < count; position++) {
    const time = columns.timeAt(from + position);
    t[position] = time - previous;
    previous = time;
    x[position] = wireValue(columns.valueAt(from + position), columns.tagAt(from + position));
    const quality = columns.qualityAt(from + position);
    if (quality !== 0) q.push([position, quality]);
  }
  const tags = places.distinct(part);
  const i = tags.length === count ? {} : { i: Array.from(t, (_, n) => places.placeOf(columns.tagAt(from + n))) };
  return { tags: runsOf(tags), t0, ...i, t, x, q };
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

/** The bytes of a batch: called once in the life of a batch. The caller keeps them within `maxBatchBytes`. */
export function encodeBatch({ samples, ...head }: Batch, compression: Compression): Buffer {
  return encodePart(head, SampleColumns.of(samples).part(), compression, new TagPlaces());
}

/** As `encodeBatch`, for one who makes batches one after the other and keeps `places` for them. */
export function encodePart(head: BatchHead, part: SamplePart, compression: Compression, places: TagPlaces): Buffer {
  const { gateway, stream, seq, previous, read, filtered, declared } = head;
  const text = JSON.stringify({
    v: batchVersion,
    gateway,
    stream,
    seq,
    ...(previous === undefined ? {} : { previous }),
    read,
    filtered,
    ...(head.volatile ? { volatile: true } : {}),
    ...(head.class === undefined || head.class === defaultClass ? {} : { class: head.class }),
    ...(head.thinned === undefined || head.thinned === 0 ? {} : { thinned: head.thinned }),
    ...wireColumns(part, places),
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
