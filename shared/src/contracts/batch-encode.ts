import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Batch, batchVersion, type Compression } from './batch.ts';
import type { Sample, Tag, Value } from './sample.ts';

/** The columns of the samples, before compression. */
function columnsOf(samples: readonly Sample[]) {
  const indexOf = new Map<Tag, number>();
  const tags: [string, string, string][] = [];
  const i: number[] = [];
  const t: number[] = [];
  const x: (number | boolean | string | null)[] = [];
  const q: [number, number][] = [];
  const t0 = samples[0]?.time ?? 0;
  let previous = t0;
  for (const [position, sample] of samples.entries()) {
    let index = indexOf.get(sample.tag);
    if (index === undefined) {
      index = tags.length;
      indexOf.set(sample.tag, index);
      tags.push([sample.tag.device, sample.tag.tag, sample.tag.type]);
    }
    i.push(index);
    t.push(sample.time - previous);
    previous = sample.time;
    x.push(wireValue(sample.value));
    if (sample.quality !== 0) q.push([position, sample.quality]);
  }
  return { tags, i, t0, t, x, q };
}

function wireValue(value: Value | null): number | boolean | string | null {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

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
    ...columnsOf(samples),
    ...(declared.length === 0 ? {} : { declared }),
  });
  switch (compression) {
    case 'none':
      return Buffer.from(text);
    case 'gzip':
      return gzipSync(text);
    case 'zstd':
      return zstdCompressSync(text);
  }
}
