import { gzipSync } from 'node:zlib';
import {
  type Batch,
  batchVersion,
  compressions,
  type DecodedBatch,
  decodeBatch,
  encodeBatch,
  GOOD,
  identityOf,
  maxBatchBytes,
  maxDecodedBytes,
  qualityCode,
  type Sample,
  type Tag,
  type Value,
  type ValueType,
  valueTypes,
} from '@fieldline/shared/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const stream = '6f1c3b1e-8a0f-4a63-9a55-0c8f2f1f7d11';
const head = { gateway: 'g1', stream, seq: 7, read: 100, filtered: 20, volatile: false, declared: [] };

const valueOfType: Record<ValueType, fc.Arbitrary<Value>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  uint8: fc.integer({ min: 0, max: 255 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  string: fc.string().map((text) => text.replaceAll('\u0000', '')),
};

const tags: Tag[] = valueTypes.map((type) => ({ device: 'd1', tag: type, type }));
const time = fc.integer({ min: 0, max: 4_102_444_800_000_000 });
const sample: fc.Arbitrary<Sample> = fc.constantFrom(...tags).chain((tag) =>
  fc.oneof(
    fc.record({
      tag: fc.constant(tag),
      time,
      value: valueOfType[tag.type],
      quality: fc.constantFrom(GOOD, qualityCode('uncertain/clock')),
    }),
    fc.record({
      tag: fc.constant(tag),
      time,
      value: fc.constant(null),
      quality: fc.constant(qualityCode('bad/timeout')),
    }),
  ),
);

const samplesOf = (batch: DecodedBatch): Sample[] =>
  batch.tagIndex.map((index, n) => ({
    tag: batch.tags[index] as Tag,
    time: batch.time[n] as number,
    value: batch.value[n] as Value | null,
    quality: batch.quality[n] as number,
  }));

/** Minus zero travels as zero. */
const plain = (value: Value | null): Value | null => (value === 0 ? 0 : value);

function decoded(bytes: Buffer, gateway = 'g1'): DecodedBatch {
  const result = decodeBatch(bytes, gateway);
  if (!result.ok) throw new Error(`${result.code}: ${result.reason}`);
  return result.batch;
}

const batchOf = (samples: readonly Sample[]): Batch => ({ ...head, samples });

describe('a batch', () => {
  it('comes back from its bytes as it was, for every type, quality and compression', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), fc.constantFrom(...compressions), (samples, compression) => {
        const batch = decoded(encodeBatch(batchOf(samples), compression));
        expect(samplesOf(batch)).toEqual(samples.map((one) => ({ ...one, value: plain(one.value) })));
        expect(batch).toMatchObject({ ...head, sent: samples.length, rejected: [] });
      }),
    );
  });

  it.each([2n ** 53n + 1n, 2n ** 64n - 1n, 0n])('keeps every bit of %s', (value) => {
    const tag: Tag = { device: 'd', tag: 't', type: 'uint64' };
    const batch = decoded(encodeBatch(batchOf([{ tag, time: 1, value, quality: GOOD }]), 'none'));
    expect(batch.value).toEqual([value]);
  });

  it('says of neighbours that they are of one device, and of no sample which series it is where each has one', () => {
    const series = ['d1/a', 'd1/b', 'd2/a', 'd1/c'].map((name): Tag => {
      const [device = '', tag = ''] = name.split('/');
      return { device, tag, type: 'uint8' };
    });
    const samples = series.map((tag, value): Sample => ({ tag, time: value, value, quality: GOOD }));
    const wireOf = (sent: readonly Sample[]) => JSON.parse(encodeBatch(batchOf(sent), 'none').toString());
    expect(wireOf(samples)).toMatchObject({
      tags: [
        ['d1', 'a', 'uint8', 'b', 'uint8'],
        ['d2', 'a', 'uint8'],
        ['d1', 'c', 'uint8'],
      ],
      x: [0, 1, 2, 3],
    });
    expect(wireOf(samples)).not.toHaveProperty('i');
    expect(wireOf([...samples, ...samples.slice(0, 1)])).toMatchObject({ i: [0, 1, 2, 3, 0] });
    expect(samplesOf(decoded(encodeBatch(batchOf(samples), 'none')))).toEqual(samples);
  });

  it.each([
    [1.1, 1.1],
    [231.116_973_876_953_12, 231.11697],
    [16_777_217, 16_777_216],
    [1e-45, 1.4013e-45],
    [3.402_823_466_385_288_6e38, 3.4028235e38],
  ])('writes the float32 of %s in as few digits as tell it apart', (number, written) => {
    const tag: Tag = { device: 'd', tag: 't', type: 'float32' };
    const value = Math.fround(number);
    const bytes = encodeBatch(batchOf([{ tag, time: 1, value, quality: GOOD }]), 'none');
    expect(JSON.parse(bytes.toString()).x).toEqual([written]);
    expect(decoded(bytes).value).toEqual([value]);
  });

  it('carries predecessor and declarations', () => {
    const full: Batch = {
      ...batchOf([]),
      seq: 1,
      previous: { stream: '0b7e58a5-2f8f-4f4b-8d52-2a64fc6b2b5d', lastSeq: 41 },
      volatile: true,
      declared: [
        { kind: 'series', device: null, tag: null, from: 5, to: 9, samples: null, reason: 'restart' },
        { kind: 'batches', stream, from: 3, to: 4, samples: 200, reason: 'disk-bound' },
      ],
    };
    const { samples: _, ...expected } = full;
    expect(decoded(encodeBatch(full, 'zstd'))).toMatchObject(expected);
  });

  const wire = {
    v: batchVersion,
    gateway: 'g1',
    stream,
    seq: 1,
    previous: null,
    read: 2,
    filtered: 0,
    tags: [['d', 't', 'uint16']],
    i: [0],
    t0: 10,
    t: [0],
    x: [5],
    q: [],
  };
  const bytesOf = (change: object): Buffer => Buffer.from(JSON.stringify({ ...wire, ...change }));

  it.each([
    ['another gateway', bytesOf({ gateway: 'g2' }), 'batch/foreign-gateway'],
    ['a newer version', bytesOf({ v: batchVersion + 1 }), 'batch/unsupported-version'],
    ['a version that never was', bytesOf({ v: 0 }), 'batch/malformed'],
    ['half a version', bytesOf({ v: 1.5 }), 'batch/malformed'],
    ['no version', bytesOf({ v: undefined }), 'batch/malformed'],
    ['a cut text', bytesOf({}).subarray(0, 60), 'batch/malformed'],
    ['cut gzip', gzipSync(bytesOf({})).subarray(0, 40), 'batch/malformed'],
    ['no JSON', Buffer.from('hello'), 'batch/malformed'],
    ['nothing', Buffer.alloc(0), 'batch/malformed'],
    ['columns of different length', bytesOf({ x: [1, 2] }), 'batch/malformed'],
    ['a sample without a tag', bytesOf({ i: [3] }), 'batch/malformed'],
    ['more samples than series, and no index', bytesOf({ i: undefined, t: [0, 0], x: [5, 6] }), 'batch/malformed'],
    ['a series without a type', bytesOf({ tags: [['d', 't', 'uint16', 'u']] }), 'batch/malformed'],
    ['a device without series', bytesOf({ tags: [['d']] }), 'batch/malformed'],
    ['a series of no type', bytesOf({ tags: [['d', 't', 'uint16', 'u', 'int']] }), 'batch/malformed'],
    ['seq 0', bytesOf({ seq: 0 }), 'batch/malformed'],
    ['more samples than were read', bytesOf({ read: 5, filtered: 5 }), 'batch/malformed'],
    ['more filtered than were read', bytesOf({ read: 5, filtered: 6, i: [], t: [], x: [] }), 'batch/malformed'],
    ['more bytes than the bound', Buffer.alloc(maxBatchBytes + 1, 0x20), 'batch/too-large'],
    ['a small text that unpacks to much', gzipSync(Buffer.alloc(maxDecodedBytes + 1, 0x20)), 'batch/too-large'],
  ])('is refused for %s', (_, bytes, code) => {
    expect(decodeBatch(bytes, 'g1')).toMatchObject({ ok: false, code });
  });

  it('is refused for counts that contradict each other with the counts in the reason, and keeps its identity', () => {
    const bytes = bytesOf({ read: 5, filtered: 5 });
    expect(decodeBatch(bytes, 'g1')).toMatchObject({ reason: 'read is 5, less than filtered 5 + samples 1' });
    expect(identityOf(bytes, 'g1')).toEqual({ stream: wire.stream, seq: wire.seq });
  });

  it.each([
    ['a text in a number', { x: ['5'] }],
    ['a number out of the range of its type', { x: [70_000] }],
    ['no value, yet good', { x: [null] }],
    ['a value, yet bad', { q: [[0, 202]] }],
    ['U+0000, which PostgreSQL cannot store', { tags: [['d', 't', 'string']], x: ['a\u0000b'] }],
    ['a time beyond exact integers', { t: [Number.MAX_SAFE_INTEGER] }],
  ])('keeps its other samples when one has %s', (_, change) => {
    const columns = { i: [0, 0], t: [0, 0], x: [5, 6], tags: wire.tags, ...change } as typeof wire;
    const good = {
      i: [...columns.i.slice(0, 1), 1],
      t: [columns.t[0], 0],
      x: [columns.x[0], 6],
      tags: [...columns.tags, ['d', 'u', 'uint16']],
    };
    const batch = decoded(bytesOf({ ...change, ...good, t: [columns.t[0], -(columns.t[0] ?? 0)] }));
    expect(batch.rejected).toMatchObject([{ position: 0, code: 'sample/malformed' }]);
    expect(batch.value).toEqual([6]);
    expect(batch.sent).toBe(2);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeBatch(Buffer.from(bytes), 'g1').ok).toBe(false);
      }),
    );
  });
});
