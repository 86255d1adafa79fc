/** Samples of one flush as bytes. Read by no other program: JSON in rows, compressed. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Sample, type Tag, type Value, valueTypes } from '@fieldline/shared/contracts';
import { z } from 'zod';

const flushSchema = z.object({
  /** Device, tag, type. */
  tags: z.array(z.tuple([z.string(), z.string(), z.enum(valueTypes)])),
  /** Index of the tag, time, value, quality. 64-bit integers are text: JSON has no number for them. */
  samples: z.array(
    z.tuple([z.int(), z.int(), z.union([z.number(), z.boolean(), z.string(), z.null()]), z.int().nonnegative()]),
  ),
});

export function encodeSamples(samples: readonly Sample[]): Buffer {
  const indexOf = new Map<Tag, number>();
  const rows = samples.map(({ tag, time, value, quality }) => {
    const index = indexOf.get(tag) ?? indexOf.size;
    indexOf.set(tag, index);
    return [index, time, typeof value === 'bigint' ? value.toString() : value, quality];
  });
  const tags = [...indexOf.keys()].map(({ device, tag, type }) => [device, tag, type]);
  return zstdCompressSync(JSON.stringify({ tags, samples: rows }));
}

/** @throws where the bytes are not those of `encodeSamples` */
export function decodeSamples(bytes: Buffer, known: KnownTags): Sample[] {
  const { tags, samples } = flushSchema.parse(JSON.parse(zstdDecompressSync(bytes).toString('utf8')));
  const own = tags.map(([device, tag, type]) => known.get({ device, tag, type }));
  return samples.map(([index, time, value, quality]) => {
    const tag = own[index];
    if (tag === undefined) throw new Error(`a sample of tag ${index}, which is not listed`);
    return { tag, time, value: typedValue(tag, value), quality };
  });
}

const typedValue = ({ type }: Tag, value: number | boolean | string | null): Value | null =>
  value !== null && (type === 'int64' || type === 'uint64') ? BigInt(value) : value;

/** One object per tag, however many flushes it is in: a batch lists each tag once. */
export class KnownTags {
  private readonly tags = new Map<string, Tag>();

  get(tag: Tag): Tag {
    const key = JSON.stringify([tag.device, tag.tag, tag.type]);
    const known = this.tags.get(key) ?? tag;
    this.tags.set(key, known);
    return known;
  }
}
