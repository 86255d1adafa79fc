/**
 * The last samples of many series in few bytes: columns in JSON, compressed. Each series states the batch that has its sample, most of
 * them one of a few. Whoever reads it knows by a checksum that it is what was written.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type TagClass, type Value, type ValueType, valueTypes } from '@fieldline/shared/contracts';
import { z } from 'zod';
import type { BatchId } from '../batches.ts';
import type { Point, SeriesLast } from './series-lasts.ts';

/** A longer text is not remembered. */
const longestText = 100;

const numbers = z.array(z.int());
const schema = z.object({
  /** Stream and seq. */
  batches: z.array(z.tuple([z.string(), z.int()])),
  devices: z.array(z.string()),
  /** Index into the devices, the tag and its type. */
  tags: z.array(z.tuple([z.int(), z.string(), z.enum(valueTypes)])),
  /** Index into the tags, and the name of the subject that its text is the last of. Files from before there were some state none. */
  subjects: z.array(z.tuple([z.int(), z.string()])).default([]),
  /** Of the samples with a value, one for each tag: µs since the one before it; index into the batches, −1 where there is none. */
  time: numbers,
  value: z.array(z.union([z.number(), z.boolean(), z.string(), z.null()])),
  quality: numbers,
  batch: numbers,
  /** Of the bad ones after these: index into the tags, time, quality, index into the batches. */
  bad: z.array(z.tuple([z.int(), z.int(), z.int(), z.int()])),
  /** Of those that came late: index into the tags, time, index into the batches. Earlier agents did not state them. */
  late: z.array(z.tuple([z.int(), z.int(), z.int()])).default([]),
});
type Columns = z.infer<typeof schema>;

export function encodeLasts(series: readonly SeriesLast[]): Buffer {
  const [batches, devices] = [new Numbered<string>(), new Numbered<string>()];
  const indexOf = ({ stream, seq }: BatchId): number => batches.indexOf(`${stream} ${seq}`);
  const samples = { time: [], value: [], quality: [], batch: [] };
  const columns: Columns = { batches: [], devices: [], tags: [], subjects: [], ...samples, bad: [], late: [] };
  let before = 0;
  for (const [index, { device, tag, type, subject, valued, bad, late }] of series.entries()) {
    columns.tags.push([devices.indexOf(device), tag, type]);
    if (subject !== null) columns.subjects.push([index, subject]);
    const time = valued?.time ?? before;
    columns.time.push(time - before);
    columns.value.push(wireValue(valued?.value, subject === null ? longestText : Number.POSITIVE_INFINITY));
    columns.quality.push(valued?.quality ?? 0);
    columns.batch.push(valued === null ? -1 : indexOf(valued.batch));
    if (bad !== null) columns.bad.push([index, bad.time, bad.quality, indexOf(bad.batch)]);
    if (late !== null) columns.late.push([index, late.time, indexOf(late.batch)]);
    before = time;
  }
  columns.devices = devices.all();
  columns.batches = batches.all().map((each) => {
    const [stream = '', seq] = each.split(' ');
    return [stream, Number(seq)];
  });
  return zstdCompressSync(JSON.stringify(columns));
}

/** @throws where it is not what `encodeLasts` has made */
export function decodeLasts(bytes: Buffer, tagClass: TagClass): SeriesLast[] {
  const columns = schema.parse(JSON.parse(zstdDecompressSync(bytes).toString('utf8')));
  const batches = columns.batches.map(([stream, seq]): BatchId => ({ stream, seq }));
  const batchAt = (index: number | undefined): BatchId => {
    const batch = batches[index ?? -1];
    if (batch === undefined) throw new Error(`there is no batch ${String(index)}`);
    return batch;
  };
  const subjects = new Map(columns.subjects);
  let time = 0;
  const series = columns.tags.map(([device, tag, type], index): SeriesLast => {
    time += columns.time[index] ?? 0;
    const at = columns.batch[index];
    const value = typedValue(columns.value[index] ?? null, type);
    const valued = at === -1 ? null : { time, quality: columns.quality[index] ?? 0, value, batch: batchAt(at) };
    const subject = subjects.get(index) ?? null;
    return {
      device: columns.devices[device] ?? '',
      tag,
      type,
      subject,
      class: tagClass,
      valued,
      bad: null,
      late: null,
    };
  });
  for (const [index, at, quality, batch] of columns.bad) {
    const bad: Point = { time: at, quality, value: null, batch: batchAt(batch) };
    const known = series[index];
    if (known !== undefined) known.bad = bad;
  }
  for (const [index, at, batch] of columns.late) {
    const known = series[index];
    if (known !== undefined) known.late = { time: at, quality: 0, value: null, batch: batchAt(batch) };
  }
  return series;
}

/** A sample with a value has one: null says that it is not remembered. */
function wireValue(value: Value | null | undefined, longest: number): Columns['value'][number] {
  if (typeof value === 'bigint') return value.toString();
  return value === undefined || (typeof value === 'string' && value.length > longest) ? null : value;
}

function typedValue(wire: Columns['value'][number], type: ValueType): Value | undefined {
  if (wire === null) return undefined;
  return type === 'int64' || type === 'uint64' ? BigInt(String(wire)) : wire;
}

/** Each once, by a number. */
class Numbered<T> {
  private readonly numbers = new Map<T, number>();

  indexOf(each: T): number {
    const known = this.numbers.get(each);
    if (known !== undefined) return known;
    this.numbers.set(each, this.numbers.size);
    return this.numbers.size - 1;
  }

  all(): T[] {
    return [...this.numbers.keys()];
  }
}
