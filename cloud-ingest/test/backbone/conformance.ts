/** What every backbone keeps, whatever it is made of (see src/backbone/backbone.ts). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pause } from '@fieldline/shared/runtime';
import { describeWith, type Requirement, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  Backbone,
  BackboneConsumer,
  BackboneRecord,
  ConsumeOptions,
  NewRecord,
  Position,
  Remade,
} from '../../src/backbone/backbone.ts';
import { partitionOf } from '../../src/backbone/partition-of.ts';
import { proofOf } from '../../src/backbone/proof.ts';

export type Subject = {
  readonly requirement: Requirement;
  readonly maxRecordBytes: number;
  readonly partitions: number;
  readonly open: () => Promise<Backbone>;
  /** Makes the log forget its oldest records; some of them must remain. */
  readonly forgetOldest: (backbone: Backbone, topic: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

let topics = 0;
const never = new AbortController().signal;

export const record = (key: string, value: string | Buffer, headers: Record<string, string> = {}): NewRecord => ({
  key,
  value: Buffer.from(value),
  headers,
});

/** Keys of which each has another partition. */
export function keysOfAllPartitions(partitions: number): string[] {
  const keys = new Map<number, string>();
  for (let n = 0; keys.size < partitions; n++) keys.set(partitionOf(`gateway-${n}`, partitions), `gateway-${n}`);
  return [...keys.values()];
}

export async function take(consumer: BackboneConsumer, count: number, maxBytes = 1_000_000): Promise<BackboneRecord[]> {
  const taken: BackboneRecord[] = [];
  const late = AbortSignal.timeout(20_000);
  while (taken.length < count && !late.aborted) taken.push(...(await consumer.poll(maxBytes, late)));
  return taken;
}

/** What a database would remember: the offset behind what was stored. */
export function memory() {
  const next = new Map<number, number>();
  return {
    positions: async (partitions: readonly number[]): Promise<Position[]> =>
      partitions.flatMap((partition) => {
        const offset = next.get(partition);
        return offset === undefined ? [] : [{ partition, offset }];
      }),
    store: (records: readonly BackboneRecord[]) => {
      for (const { partition, offset } of records) next.set(partition, offset + 1);
    },
  };
}

const texts = (records: readonly BackboneRecord[]): string[] => records.map(({ value }) => value.toString());

export function backboneConformance(name: string, subject: Subject): void {
  describeWith(subject.requirement, `${name} as a backbone`, () => {
    let backbone: Backbone;
    const consumers: BackboneConsumer[] = [];

    beforeAll(async () => {
      backbone = await subject.open();
    }, 120_000);
    afterAll(async () => {
      await backbone.close();
      await subject.close();
    }, 60_000);

    async function newTopic(): Promise<string> {
      const topic = `conformance.${process.pid}.${topics++}`;
      await backbone.ensureTopic(topic);
      return topic;
    }

    async function consume(topic: string, options: Partial<ConsumeOptions> = {}): Promise<BackboneConsumer> {
      const consumer = await backbone.consume({
        topic,
        group: `group-${topic}`,
        queueBytes: 1_000_000,
        positions: async () => [],
        onGap: () => {},
        ...options,
      });
      consumers.push(consumer);
      return consumer;
    }

    test('gives key, headers and bytes back untouched, with partition and offset', async () => {
      const topic = await newTopic();
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const before = Date.now();
      await backbone.append(topic, [record('gw-1', bytes, { topic: 'fieldline/gw-1/batch', note: 'grün' })]);
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
        appends.push(backbone.append(topic, [record(keys[n % keys.length] ?? '', String(n))]));
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
      for (const { partition, oldest, next } of await backbone.bounds(topic)) {
        const offsets = got.filter((each) => each.partition === partition).map(({ offset }) => offset);
        expect(offsets).toEqual(Array.from({ length: next - oldest }, (_, index) => oldest + index));
      }
      await consumer.close();
    });

    test('begins where the caller says, and at the oldest record where it says nothing', async () => {
      const topic = await newTopic();
      const [first = '', second = ''] = keysOfAllPartitions(subject.partitions);
      await backbone.append(
        topic,
        [...'01234'].map((text) => record(first, `f${text}`)),
      );
      await backbone.append(
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
      await backbone.append(
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
          await backbone.append(
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

    test('reports the records that retention took before the caller had them, and goes on with the oldest', async () => {
      const topic = await newTopic();
      const key = 'gw-gap';
      const partition = partitionOf(key, subject.partitions);
      for (let n = 0; n < 30; n++) await backbone.append(topic, [record(key, Buffer.alloc(10_000, n))]);
      await subject.forgetOldest(backbone, topic);
      const oldest = (await backbone.bounds(topic)).find((each) => each.partition === partition)?.oldest ?? 0;
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
      await backbone.append(topic, [record('gw', 'first')]);
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
      await backbone.append(topic, [record('gw', 'stored')]);
      const said: Remade[] = [];
      let asked = 0;
      const consumer = await consume(topic, {
        positions: async (partitions) => {
          if (asked++ === 0) await backbone.append(topic, [record('gw', 'stored by another'), record('gw', 'new')]);
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
      await backbone.append(topic, kept);
      const said: Remade[] = [];
      for (const offset of [2, 4]) {
        const proof = proofOf(kept[offset - 1] ?? record('', ''));
        const consumer = await consume(topic, {
          positions: async () => [{ partition, offset, proof }],
          onRemade: async (remade) => void said.push(remade),
        });
        const more = `${topic} ${offset}`;
        const taking = take(consumer, 1, 1);
        if (offset === 4) await backbone.append(topic, [record('gw', more)]);
        expect(texts(await taking)).toEqual([offset === 4 ? more : '2']);
        await consumer.close();
      }
      expect(said).toEqual([]);
    });

    test('reads a log from its oldest record that holds another one before the position, however long it is', async () => {
      const topic = await newTopic();
      const partition = partitionOf('gw', subject.partitions);
      await backbone.append(
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
      const [first] = await consumer.poll(1, AbortSignal.timeout(20_000));
      expect(recorded).toBe(true);
      expect([first, ...(await take(consumer, 7))].map((each) => each?.value.toString())).toEqual([...'01234567']);
      expect(said).toEqual([{ partition, position, oldest: 0, next: 8 }]);
      await consumer.close();
    });

    test('gives nothing of a log made again until its caller could write that down', async () => {
      const topic = await newTopic();
      const partition = partitionOf('gw', subject.partitions);
      await backbone.append(topic, [record('gw', '0'), record('gw', '1')]);
      let failing = true;
      const consumer = await consume(topic, {
        positions: async () => (failing ? [{ partition, offset: 2, proof: 'another' }] : []),
        onRemade: async () => {
          throw new Error('the database is away');
        },
      });
      await expect(consumer.poll(1_000, AbortSignal.timeout(20_000))).rejects.toThrow('the database is away');
      failing = false;
      await consumer.rewind();
      expect(texts(await take(consumer, 2))).toEqual(['0', '1']);
      await consumer.close();
    });

    test('holds about queueBytes in memory however much there is to fetch, and gives all of it', async () => {
      const topic = await newTopic();
      const total = 800;
      const consumer = await consume(topic, { queueBytes: 500_000 });
      await backbone.append(topic, [record('first', 'first')]);
      await take(consumer, 1);
      const before = await bytesInUse();
      for (let n = 0; n < total; n += 20) {
        await backbone.append(
          topic,
          Array.from({ length: 20 }, (_, i) => record(`key-${n + i}`, Buffer.alloc(100_000, 1))),
        );
      }
      // Another reader, who keeps nothing, shows that all of it can be had by now.
      const other = await consume(topic, { group: `other-${topic}`, queueBytes: 500_000 });
      let others = 0;
      while (others < total + 1) others += (await other.poll(500_000, never)).length;
      await other.close();
      expect((await bytesInUse()) - before).toBeLessThan(30_000_000);
      let got = 0;
      while (got < total) got += (await consumer.poll(500_000, never)).length;
      expect(got).toBe(total);
      await consumer.close();
    }, 60_000);

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
      await backbone.append(
        topic,
        keys.map((key) => record(key, `first ${key}`)),
      );
      await waitFor(() => polled.length === keys.length);
      expect(new Set(polled.map(({ who }) => who))).toEqual(new Set(['one', 'two']));
      await two.close();
      await twos;
      await waitFor(() => one.assigned().length === subject.partitions, { what: 'one to take over' });
      await backbone.append(
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

    test('a failing positions function is thrown by poll until a rewind succeeds', async () => {
      const topic = await newTopic();
      await backbone.append(topic, [record('gw', 'kept')]);
      let failing = true;
      const consumer = await consume(topic, {
        positions: async () => {
          if (failing) throw new Error('the database is away');
          return [];
        },
      });
      await expect(consumer.poll(1_000, AbortSignal.timeout(20_000))).rejects.toThrow('the database is away');
      await expect(consumer.rewind()).rejects.toThrow('the database is away');
      failing = false;
      await consumer.rewind();
      expect(texts(await take(consumer, 1))).toEqual(['kept']);
      await consumer.close();
    });

    test('counts what is behind the last poll as lag', async () => {
      const topic = await newTopic();
      await backbone.append(
        topic,
        Array.from({ length: 10 }, (_, n) => record('gw', `${n}`)),
      );
      const consumer = await consume(topic);
      const got = (await consumer.poll(3, AbortSignal.timeout(20_000))).length;
      expect(await consumer.lag()).toBe(10 - got);
      await take(consumer, 10 - got);
      expect(await consumer.lag()).toBe(0);
      await consumer.close();
    });

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

    test('refuses a record beyond its bound, and takes the next one', async () => {
      const topic = await newTopic();
      const tooLarge = record('gw', Buffer.alloc(subject.maxRecordBytes));
      await expect(backbone.append(topic, [tooLarge])).rejects.toMatchObject({ code: 'record/too-large' });
      const largest = record('gw', Buffer.alloc(subject.maxRecordBytes - 2));
      await backbone.append(topic, [largest, record('gw', 'next')]);
      const consumer = await consume(topic);
      const got = await take(consumer, 2, 3_000_000);
      expect(got.map(({ value }) => value.length)).toEqual([subject.maxRecordBytes - 2, 4]);
      await consumer.close();
    });

    test('making a topic again changes nothing, and the log keeps its identity', async () => {
      const topic = await newTopic();
      await backbone.append(topic, [record('gw', 'kept')]);
      await backbone.ensureTopic(topic);
      const held = await backbone.bounds(topic);
      expect(held.reduce((sum, { oldest, next }) => sum + next - oldest, 0)).toBe(1);
      const identity = await backbone.identity();
      expect(identity).toMatch(/^.{8,64}$/);
      expect(await backbone.identity()).toBe(identity);
    });
  });
}

/**
 * Buffers that are really held: after a collection, which the test asks for. V8 frees what it collected beside us, in its own
 * time: the least of several looks.
 */
async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    collect();
    await pause(50);
    least = Math.min(least, process.memoryUsage().arrayBuffers);
  }
  return least;
}
