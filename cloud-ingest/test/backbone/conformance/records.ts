/** What is appended is there as it was, and nothing else. */
import { expect, test } from 'vitest';
import { partitionOf } from '../../../src/backbone/partition-of.ts';
import { type Bench, record, take } from './bench.ts';

export function testRecords(bench: Bench): void {
  const { subject, newTopic, consume } = bench;

  test('gives key, headers and bytes back untouched, with partition and offset', async () => {
    const topic = await newTopic();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const before = Date.now();
    await bench.backbone.append(topic, [record('gw-1', bytes, { topic: 'fieldline/gw-1/batch', note: 'grün' })]);
    const consumer = await consume(topic);
    const [got] = await take(consumer, 1);
    expect(got).toMatchObject({
      key: 'gw-1',
      offset: 0,
      partition: partitionOf('gw-1', subject.partitions),
      headers: { topic: 'fieldline/gw-1/batch', note: 'grün' },
    });
    expect(got?.value.equals(bytes)).toBe(true);
    expect(got?.timestampMs).toBeGreaterThanOrEqual(before - 1_000);
    await consumer.close();
  });

  test('keeps the order of each key under concurrent appends, in one partition, without holes', async () => {
    const topic = await newTopic();
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const appends: Promise<void>[] = [];
    for (let n = 0; n < 200; n++) {
      appends.push(bench.backbone.append(topic, [record(keys[n % keys.length] ?? '', String(n))]));
    }
    await Promise.all(appends);
    const consumer = await consume(topic);
    const got = await take(consumer, 200);
    expect(got).toHaveLength(200);
    for (const key of keys) {
      const numbers = got.filter((each) => each.key === key).map(({ value }) => Number(value.toString()));
      expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
      expect(new Set(got.filter((each) => each.key === key).map(({ partition }) => partition)).size).toBe(1);
    }
    for (const { partition, oldest, next } of await bench.backbone.bounds(topic)) {
      const offsets = got.filter((each) => each.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(Array.from({ length: next - oldest }, (_, index) => oldest + index));
    }
    await consumer.close();
  });

  test('refuses a record beyond its bound, and takes the next one', async () => {
    const topic = await newTopic();
    const tooLarge = record('gw', Buffer.alloc(subject.maxRecordBytes));
    await expect(bench.backbone.append(topic, [tooLarge])).rejects.toMatchObject({ code: 'record/too-large' });
    const largest = record('gw', Buffer.alloc(subject.maxRecordBytes - 2));
    await bench.backbone.append(topic, [largest, record('gw', 'next')]);
    const consumer = await consume(topic);
    const got = await take(consumer, 2, 3_000_000);
    expect(got.map(({ value }) => value.length)).toEqual([subject.maxRecordBytes - 2, 4]);
    await consumer.close();
  });

  test('making a topic again changes nothing, and the log keeps its identity', async () => {
    const topic = await newTopic();
    await bench.backbone.append(topic, [record('gw', 'kept')]);
    await bench.backbone.ensureTopic(topic);
    const held = await bench.backbone.bounds(topic);
    expect(held.reduce((sum, { oldest, next }) => sum + next - oldest, 0)).toBe(1);
    const identity = await bench.backbone.identity();
    expect(identity).toMatch(/^.{8,64}$/);
    expect(await bench.backbone.identity()).toBe(identity);
  });
}
