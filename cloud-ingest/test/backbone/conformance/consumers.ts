/** What a consumer is given: from which positions, how much of it, and beside which others. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pause } from '@fieldline/shared/runtime';
import { waitFor } from '@fieldline/shared/testing';
import { expect, test } from 'vitest';
import type { BackboneConsumer, BackboneRecord } from '../../../src/backbone/backbone.ts';
import { partitionOf } from '../../../src/backbone/partition-of.ts';
import { type Bench, keysOfAllPartitions, memory, never, record, take, texts } from './bench.ts';

export function testConsumers(bench: Bench): void {
  const { subject, newTopic, consume } = bench;

  test('begins where the caller says, and at the oldest record where it says nothing', async () => {
    const topic = await newTopic();
    const [first = '', second = ''] = keysOfAllPartitions(subject.partitions);
    await bench.backbone.append(
      topic,
      [...'01234'].map((text) => record(first, `f${text}`)),
    );
    await bench.backbone.append(
      topic,
      [...'01'].map((text) => record(second, `s${text}`)),
    );
    const asked: number[] = [];
    const consumer = await consume(topic, {
      positions: async (partitions) => {
        asked.push(...partitions);
        return [{ partition: partitionOf(first, subject.partitions), offset: 3 }];
      },
    });
    expect(texts(await take(consumer, 4)).sort()).toEqual(['f3', 'f4', 's0', 's1']);
    expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: subject.partitions }, (_, index) => index));
    expect(consumer.assigned()).toEqual(Array.from({ length: subject.partitions }, (_, index) => index));
    await consumer.close();
  });

  test('a rewind repeats exactly what the caller has not stored', async () => {
    const topic = await newTopic();
    const stored = memory();
    await bench.backbone.append(
      topic,
      Array.from({ length: 50 }, (_, n) => record(`key-${n % 7}`, String(n))),
    );
    const consumer = await consume(topic, { positions: stored.positions });
    const all = await take(consumer, 50, 100);
    const half = all.slice(0, 25);
    stored.store(half);
    await consumer.rewind();
    const again = await take(consumer, 25, 100);
    expect(texts(again).sort()).toEqual(texts(all.slice(25)).sort());
    await consumer.close();
  });

  test('rewinds in the middle of a fast flow lose and repeat nothing', async () => {
    const topic = await newTopic();
    const stored = memory();
    const seen: string[] = [];
    const consumer = await consume(topic, { positions: stored.positions, queueBytes: 4_000 });
    const value = 'x'.repeat(100);
    const writing = (async () => {
      for (let n = 0; n < 1_000; n += 20) {
        await bench.backbone.append(
          topic,
          Array.from({ length: 20 }, (_, i) => record(`key-${i % 5}`, `${n + i} ${value}`)),
        );
      }
    })();
    for (let polls = 0; seen.length < 1_000; polls++) {
      const records = await consumer.poll(3_000, AbortSignal.timeout(10_000));
      expect(records.length).toBeGreaterThan(0);
      if (polls % 5 === 4) {
        await consumer.rewind();
      } else {
        stored.store(records);
        seen.push(...texts(records));
      }
    }
    await writing;
    expect(new Set(seen).size).toBe(1_000);
    expect(seen).toHaveLength(1_000);
    await consumer.close();
  });

  test('a failing positions function is thrown by poll until a rewind succeeds', async () => {
    const topic = await newTopic();
    await bench.backbone.append(topic, [record('gw', 'kept')]);
    let failing = true;
    const consumer = await consume(topic, {
      positions: async () => {
        if (failing) throw new Error('the database is away');
        return [];
      },
    });
    await expect(consumer.poll(1_000, AbortSignal.timeout(40_000))).rejects.toThrow('the database is away');
    await expect(consumer.rewind()).rejects.toThrow('the database is away');
    failing = false;
    await consumer.rewind();
    expect(texts(await take(consumer, 1))).toEqual(['kept']);
    await consumer.close();
  });

  test('shares the partitions in a group; when one leaves, another goes on from the stored positions', async () => {
    const topic = await newTopic();
    const stored = memory();
    const keys = keysOfAllPartitions(subject.partitions);
    const one = await consume(topic, { positions: stored.positions });
    await waitFor(() => one.assigned().length === subject.partitions);
    const two = await consume(topic, { positions: stored.positions });
    const stop = new AbortController();
    const polled: { who: string; record: BackboneRecord }[] = [];
    const run = async (who: string, consumer: BackboneConsumer): Promise<void> => {
      while (!stop.signal.aborted) {
        const records = await consumer.poll(1_000, stop.signal);
        stored.store(records);
        polled.push(...records.map((each) => ({ who, record: each })));
        if (who === 'two' && records.length === 0) return;
      }
    };
    const ones = run('one', one);
    const twos = run('two', two);
    await waitFor(
      () =>
        one.assigned().length > 0 &&
        two.assigned().length > 0 &&
        one.assigned().length + two.assigned().length === subject.partitions,
      { what: 'both to hold partitions' },
    );
    await bench.backbone.append(
      topic,
      keys.map((key) => record(key, `first ${key}`)),
    );
    await waitFor(() => polled.length === keys.length);
    expect(new Set(polled.map(({ who }) => who))).toEqual(new Set(['one', 'two']));
    await two.close();
    await twos;
    await waitFor(() => one.assigned().length === subject.partitions, { what: 'one to take over' });
    await bench.backbone.append(
      topic,
      keys.map((key) => record(key, `second ${key}`)),
    );
    await waitFor(() => polled.length >= 2 * keys.length);
    stop.abort();
    await ones;
    expect(polled.map(({ record: each }) => each.value.toString()).sort()).toEqual(
      keys.flatMap((key) => [`first ${key}`, `second ${key}`]).sort(),
    );
    await one.close();
  });

  test('counts what is behind the last poll as lag', async () => {
    const topic = await newTopic();
    await bench.backbone.append(
      topic,
      Array.from({ length: 10 }, (_, n) => record('gw', `${n}`)),
    );
    const consumer = await consume(topic);
    const got = (await consumer.poll(3, AbortSignal.timeout(40_000))).length;
    expect(await consumer.lag()).toBe(10 - got);
    await take(consumer, 10 - got);
    expect(await consumer.lag()).toBe(0);
    await consumer.close();
  });

  test('holds about queueBytes in memory however much there is to fetch, and gives all of it', async () => {
    const topic = await newTopic();
    const total = 800;
    const consumer = await consume(topic, { queueBytes: 500_000 });
    await bench.backbone.append(topic, [record('first', 'first')]);
    await take(consumer, 1);
    const before = await bytesInUse();
    for (let n = 0; n < total; n += 20) {
      await bench.backbone.append(
        topic,
        Array.from({ length: 20 }, (_, i) => record(`key-${n + i}`, Buffer.alloc(100_000, 1))),
      );
    }
    // Another reader, who keeps nothing, shows that all of it can be had by now.
    const other = await consume(topic, { group: `other-${topic}`, queueBytes: 500_000 });
    let others = 0;
    while (others < total + 1) others += (await other.poll(500_000, never)).length;
    await other.close();
    const bound = before + 30_000_000;
    expect(await bytesInUse(bound)).toBeLessThan(bound);
    let got = 0;
    while (got < total) got += (await consumer.poll(500_000, never)).length;
    expect(got).toBe(total);
    await consumer.close();
  }, 60_000);

  test('a poll ends empty when it is aborted or the consumer is closed meanwhile; the next one ends the loop', async () => {
    const topic = await newTopic();
    const consumer = await consume(topic);
    const abort = new AbortController();
    const aborted = consumer.poll(1_000, abort.signal);
    abort.abort();
    expect(await aborted).toEqual([]);
    const waiting = consumer.poll(1_000, never);
    await Promise.all([consumer.close(), consumer.close()]);
    expect(await waiting).toEqual([]);
    await expect(consumer.poll(1_000, never)).rejects.toThrow(`a consumer of ${topic} was polled after`);
    expect(await consumer.poll(1_000, AbortSignal.abort())).toEqual([]);
    await consumer.close();
  });
}

/**
 * Buffers that are really held: after a collection, which the test asks for. V8 frees what it collected beside us, in its own
 * time: the least of several looks, of no more than are needed to see less than `enough`.
 */
async function bytesInUse(enough = 0): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20 && least >= enough; look++) {
    collect();
    await pause(50);
    least = Math.min(least, process.memoryUsage().arrayBuffers);
  }
  return least;
}
