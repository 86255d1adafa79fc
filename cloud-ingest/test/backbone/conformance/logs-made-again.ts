/** Logs that are not what they were when the caller took its position: shortened by retention, or made again under their name. */
import { pause } from '@fieldline/shared/runtime';
import { expect, test } from 'vitest';
import type { Remade } from '../../../src/backbone/backbone.ts';
import { partitionOf } from '../../../src/backbone/partition-of.ts';
import { proofOf } from '../../../src/backbone/proof.ts';
import { type Bench, record, take, texts } from './bench.ts';

export function testLogsMadeAgain(bench: Bench): void {
  const { subject, newTopic, consume } = bench;

  test('reports the records that retention took before the caller had them, and goes on with the oldest', async () => {
    const topic = await newTopic();
    const key = 'gw-gap';
    const partition = partitionOf(key, subject.partitions);
    for (let n = 0; n < 30; n++) await bench.backbone.append(topic, [record(key, Buffer.alloc(10_000, n))]);
    await subject.forgetOldest(bench.backbone, topic);
    const oldest = (await bench.backbone.bounds(topic)).find((each) => each.partition === partition)?.oldest ?? 0;
    expect(oldest).toBeGreaterThan(2);
    const gaps: object[] = [];
    const consumer = await consume(topic, {
      positions: async () => [{ partition, offset: 2 }],
      onGap: (gap) => void gaps.push(gap),
    });
    const [got] = await take(consumer, 1);
    expect(got?.offset).toBe(oldest);
    expect(gaps).toEqual([{ partition, from: 2, to: oldest - 1 }]);
    await consumer.close();
    // One that had stored just what is gone misses nothing, though the record that would prove it is gone as well.
    const missing: object[] = [];
    const other = await consume(topic, {
      group: `other-${topic}`,
      positions: async () => [{ partition, offset: oldest, proof: 'of what is gone' }],
      onGap: (gap) => void missing.push(gap),
      onRemade: (remade) => void missing.push(remade),
    });
    expect((await take(other, 1))[0]?.offset).toBe(oldest);
    expect(missing).toEqual([]);
    await other.close();
  });

  test('reads a log from its oldest record that is shorter than the position, and says so first', async () => {
    const topic = await newTopic();
    const partition = partitionOf('gw', subject.partitions);
    await bench.backbone.append(topic, [record('gw', 'first')]);
    const said: Remade[] = [];
    const consumer = await consume(topic, {
      positions: async () => [{ partition, offset: 1_000, proof: 'of a record long gone' }],
      onRemade: async (remade) => void said.push(remade),
    });
    expect(texts(await take(consumer, 1))).toEqual(['first']);
    const position = { partition, offset: 1_000, proof: 'of a record long gone' };
    expect(said).toEqual([{ partition, position, oldest: 0, next: 1 }]);
    await consumer.close();
  });

  test('takes a log for no other that grows while its caller says where it stands, as when another one stores it', async () => {
    const topic = await newTopic();
    const partition = partitionOf('gw', subject.partitions);
    await bench.backbone.append(topic, [record('gw', 'stored')]);
    const said: Remade[] = [];
    let asked = 0;
    const consumer = await consume(topic, {
      positions: async (partitions) => {
        if (asked++ === 0) await bench.backbone.append(topic, [record('gw', 'stored by another'), record('gw', 'new')]);
        return partitions.includes(partition) ? [{ partition, offset: 2 }] : [];
      },
      onRemade: async (remade) => void said.push(remade),
    });
    expect(texts(await take(consumer, 1))).toEqual(['new']);
    expect(said).toEqual([]);
    await consumer.close();
  });

  test('goes on at a position whose proof it finds, also when nothing has come since', async () => {
    const topic = await newTopic();
    const partition = partitionOf('gw', subject.partitions);
    const kept = ['0', '1', '2', '3'].map((text) => record('gw', text));
    await bench.backbone.append(topic, kept);
    const said: Remade[] = [];
    for (const offset of [2, 4]) {
      const proof = proofOf(kept[offset - 1] ?? record('', ''));
      const consumer = await consume(topic, {
        positions: async () => [{ partition, offset, proof }],
        onRemade: async (remade) => void said.push(remade),
      });
      const more = `${topic} ${offset}`;
      const taking = take(consumer, 1, 1);
      if (offset === 4) await bench.backbone.append(topic, [record('gw', more)]);
      expect(texts(await taking)).toEqual([offset === 4 ? more : '2']);
      await consumer.close();
    }
    expect(said).toEqual([]);
  });

  test('reads a log from its oldest record that holds another one before the position, however long it is', async () => {
    const topic = await newTopic();
    const partition = partitionOf('gw', subject.partitions);
    await bench.backbone.append(
      topic,
      [...'01234567'].map((text) => record('gw', text)),
    );
    const position = { partition, offset: 3, proof: proofOf(record('gw', 'of another log')) };
    const said: Remade[] = [];
    let recorded = false;
    const consumer = await consume(topic, {
      positions: async () => [position],
      onRemade: async (remade) => {
        said.push(remade);
        await pause(100);
        recorded = true;
      },
    });
    const [first] = await consumer.poll(1, AbortSignal.timeout(40_000));
    expect(recorded).toBe(true);
    expect([first, ...(await take(consumer, 7))].map((each) => each?.value.toString())).toEqual([...'01234567']);
    expect(said).toEqual([{ partition, position, oldest: 0, next: 8 }]);
    await consumer.close();
  });

  test('gives nothing of a log made again until its caller could write that down', async () => {
    const topic = await newTopic();
    const partition = partitionOf('gw', subject.partitions);
    await bench.backbone.append(topic, [record('gw', '0'), record('gw', '1')]);
    let failing = true;
    const consumer = await consume(topic, {
      positions: async () => (failing ? [{ partition, offset: 2, proof: 'another' }] : []),
      onRemade: async () => {
        throw new Error('the database is away');
      },
    });
    await expect(consumer.poll(1_000, AbortSignal.timeout(40_000))).rejects.toThrow('the database is away');
    failing = false;
    await consumer.rewind();
    expect(texts(await take(consumer, 2))).toEqual(['0', '1']);
    await consumer.close();
  });
}
