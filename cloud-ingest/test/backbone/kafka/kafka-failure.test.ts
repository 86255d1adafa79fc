import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pause, silentLog } from '@fieldline/shared/runtime';
import { describeWith, freePort, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Backbone } from '../../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../../src/backbone/kafka/kafka-backbone.ts';
import type { KafkaConfig } from '../../../src/backbone/kafka/kafka-client.ts';
import { memory, record, take } from '../conformance/bench.ts';
import { type DeafProxy, startDeafProxy } from './deaf-proxy.ts';

const configFor = (brokers: string[], settings: Partial<KafkaConfig> = {}): KafkaConfig => ({
  kind: 'kafka',
  brokers,
  partitions: 3,
  replication: 1,
  minInSync: 1,
  retentionMs: 3_600_000,
  maxRecordBytes: 1_000_000,
  ...settings,
});

/** As many as are wanted, in the order of the alphabet. */
async function textsFrom(backbone: Backbone, topic: string, count: number): Promise<string[]> {
  const queueBytes = 10_000_000;
  const consumer = await backbone.consume({
    topic,
    group: topic,
    queueBytes,
    positions: async () => [],
    onGap: () => {},
  });
  return (await take(consumer, count)).map(({ value }) => value.toString()).sort();
}

describe('Kafka that is not there', () => {
  test('is said with its address and what to check', async () => {
    const broker = `127.0.0.1:${await freePort()}`;
    const backbone = openKafkaBackbone(configFor([broker]), silentLog);
    const unreachable = {
      code: 'backbone/unreachable',
      message: expect.stringMatching(new RegExp(`${broker}.*ECONNREFUSED.*backbone.brokers`)),
    };
    await expect(backbone.ensureTopic('raw')).rejects.toMatchObject(unreachable);
    await expect(backbone.append('raw', [record('a', 'a')])).rejects.toMatchObject(unreachable);
    await backbone.close();
  });
});

/** A stall far below the library's own time-out of a request: what heals within the test is the watch. */
const times = { sessionMs: 2_000, stallMs: 1_000 };

describeWith(kafka, 'Kafka in trouble', () => {
  let server: OwnKafka;
  let proxy: DeafProxy;
  let throughProxy: string;
  let backbone: Backbone;
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => {
    warnings.push(warning.name);
  };

  beforeAll(async () => {
    process.on('warning', onWarning);
    const [port, proxyPort] = [await freePort(), await freePort()];
    server = await startKafka({
      listeners: [{ name: 'PROXIED', protocol: 'PLAINTEXT', port, advertisedPort: proxyPort }],
      conf: ['group.min.session.timeout.ms=1000'],
    });
    proxy = await startDeafProxy(proxyPort, port);
    throughProxy = `127.0.0.1:${proxyPort}`;
    backbone = openKafkaBackbone(configFor([server.broker]), silentLog, { ...times, stallMs: 15_000 });
  }, 90_000);
  afterAll(async () => {
    process.off('warning', onWarning);
    await backbone.close();
    await proxy.close();
    await server.close();
  }, 60_000);

  test('is connected to anew when nothing comes although the log goes on, without a record lost or doubled', async () => {
    const [direct, proxied] = [
      openKafkaBackbone(configFor([server.broker]), silentLog),
      openKafkaBackbone(configFor([throughProxy]), silentLog, times),
    ];
    await direct.ensureTopic('stalled');
    const stored = memory();
    let stalls = 0;
    const consumer = await proxied.consume({
      topic: 'stalled',
      group: 'stalled',
      queueBytes: 1_000_000,
      positions: stored.positions,
      onGap: () => {},
      onStall: () => {
        stalls += 1;
      },
    });
    await direct.append('stalled', [record('a', '1'), record('b', '2')]);
    stored.store(await take(consumer, 2));
    proxy.loseAnswers();
    await direct.append('stalled', [record('a', '3'), record('b', '4')]);
    const got = await take(consumer, 2);
    expect(got.map(({ value }) => value.toString()).sort()).toEqual(['3', '4']);
    expect(stalls).toBeGreaterThan(0);
    await proxied.close();
    await direct.close();
  }, 90_000);

  test('is not taken for silent while a topic is idle, nor while a member joins and leaves', async () => {
    const patient = openKafkaBackbone(configFor([server.broker]), silentLog, { ...times, stallMs: 3_000 });
    await patient.ensureTopic('idle');
    const options = { topic: 'idle', group: 'idle', queueBytes: 1_000_000, positions: async () => [], onGap: () => {} };
    const consumer = await patient.consume(options);
    const other = await patient.consume({ ...options, instance: 'another' });
    const heard: unknown[] = [];
    // The silence would begin after 3 s; what happens in between is the rebalance of the other one that leaves.
    const watching = (async () => {
      const endsMs = performance.now() + 8_000;
      while (performance.now() < endsMs) {
        heard.push(consumer.silence());
        await pause(100);
      }
    })();
    await waitFor(() => consumer.assigned().length + other.assigned().length === 3, { what: 'the partitions shared' });
    await other.close();
    await watching;
    expect(heard.filter((silence) => silence !== null)).toEqual([]);
    expect(await consumer.lag()).toBe(0);
    await patient.close();
  }, 90_000);

  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd']) {
    test(`gives records that the broker has compressed with ${compression}`, async () => {
      const topic = `compressed-${compression}`;
      const admin = new Kafka({ brokers: [server.broker], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const configEntries = [
        { name: 'compression.type', value: compression },
        { name: 'message.timestamp.type', value: 'LogAppendTime' },
        { name: 'retention.ms', value: '3600000' },
      ];
      await admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries }] });
      // An append that finds a partition without its leader is sent again, and its other partitions have it twice then.
      await waitFor(() => admin.fetchTopicOffsets(topic));
      await admin.disconnect();
      const backbone = openKafkaBackbone(configFor([server.broker]), silentLog);
      await backbone.ensureTopic(topic);
      const texts = Array.from(
        { length: 200 },
        (_, n) => `${n} ${'ab'.repeat(n)} ${Math.sin(n)} ${'x'.repeat(n * 30)}`,
      );
      await backbone.append(
        topic,
        texts.map((text, n) => record(`key-${n % 5}`, text)),
      );
      expect(await textsFrom(backbone, topic, texts.length)).toEqual([...texts].sort());
      await backbone.close();
    });
  }

  test('gives what another producer committed, and nothing of what it aborted', async () => {
    const topic = 'transactions';
    const backbone = openKafkaBackbone(configFor([server.broker]), silentLog);
    await backbone.ensureTopic(topic);
    const producer = new Kafka({ brokers: [server.broker], logLevel: logLevel.NOTHING }).producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    for (const [value, end] of [
      ['kept', 'commit'],
      ['taken back', 'abort'],
      ['kept too', 'commit'],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'k', value, partition: 0 }] });
      await transaction[end]();
    }
    await producer.disconnect();
    await backbone.append(topic, [record('k', 'plain')]);
    expect(await textsFrom(backbone, topic, 3)).toEqual(['kept', 'kept too', 'plain']);
    await backbone.close();
  });

  test('that is killed and started again loses nothing that was acknowledged, and the flow resumes by itself', async () => {
    await backbone.ensureTopic('restarted');
    const stored = memory();
    const seen: string[] = [];
    const consumer = await backbone.consume({
      topic: 'restarted',
      group: 'restarted',
      queueBytes: 100_000,
      positions: stored.positions,
      onGap: () => {},
    });
    const stop = new AbortController();
    // A failed wait must end the loops too: polls of a closed consumer end at once, and leave no turn to anybody else.
    onTestFinished(() => stop.abort());
    const reading = (async () => {
      while (!stop.signal.aborted) {
        const records = await consumer.poll(10_000, stop.signal);
        stored.store(records);
        seen.push(...records.map(({ value }) => value.toString()));
      }
    })();
    const acknowledged: string[] = [];
    let failures = 0;
    const writing = (async () => {
      for (let n = 0; !stop.signal.aborted; n++) {
        await backbone.append('restarted', [record(`key-${n % 9}`, `${n}`)]).then(
          () => acknowledged.push(`${n}`),
          (error) => {
            expect(error.code).toBe('backbone/unreachable');
            failures += 1;
          },
        );
      }
    })();
    await waitFor(() => seen.length > 100, { timeoutMs: 60_000, what: 'the first hundred records' });
    await server.kill();
    await waitFor(() => failures > 0, { timeoutMs: 60_000, what: 'appends to fail' });
    await server.start();
    const before = acknowledged.length;
    await waitFor(() => acknowledged.length > before + 100, { timeoutMs: 60_000, what: 'appends to succeed again' });
    stop.abort();
    await writing;
    await reading;
    const more = AbortSignal.timeout(30_000);
    while (!acknowledged.every((text) => seen.includes(text)) && !more.aborted) {
      seen.push(...(await consumer.poll(10_000, more)).map(({ value }) => value.toString()));
    }
    expect(acknowledged.filter((text) => !seen.includes(text))).toEqual([]);
    await consumer.close();
  }, 150_000);

  test('a topic that does not keep the contract is refused, with what to change', async () => {
    const admin = new Kafka({ brokers: [server.broker], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({
      topics: [{ topic: 'compacted', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    });
    await admin.disconnect();
    await expect(backbone.ensureTopic('compacted')).rejects.toMatchObject({
      code: 'backbone/unfit',
      message: expect.stringMatching(
        /cleanup.policy is compact, needed is delete;.*LogAppendTime;.*--add-config cleanup.policy=delete,message.timestamp.type=LogAppendTime/,
      ),
    });
    const wide = openKafkaBackbone(configFor([server.broker], { replication: 3, minInSync: 2 }), silentLog);
    await expect(wide.ensureTopic('compacted')).rejects.toThrow(
      /min.insync.replicas is 1, needed is 2 \(or lower backbone.minInSync\);.*replication is 1, needed is 3.*backbone.replication/,
    );
    await wide.close();
  });

  test('more replicas than brokers are refused, with how many there are', async () => {
    const wide = openKafkaBackbone(configFor([server.broker], { replication: 3, minInSync: 2 }), silentLog);
    await expect(wide.ensureTopic('wide')).rejects.toMatchObject({
      code: 'backbone/unfit',
      message: expect.stringMatching(/backbone.replication is 3, and 1 broker\(s\) are up/),
    });
    await wide.close();
  });

  test('two programs that make one topic at once both have it', async () => {
    const other = openKafkaBackbone(configFor([server.broker]), silentLog);
    for (let n = 0; n < 5; n++) {
      const topic = `raced-${n}`;
      await Promise.all([backbone.ensureTopic(topic), other.ensureTopic(topic)]);
      expect(await other.bounds(topic)).toHaveLength(3);
    }
    await other.close();
  });

  test('no timer warning is printed by any of this', () => {
    expect(warnings).not.toContain('TimeoutNegativeWarning');
  });

  test('plain Node loads and runs all of it, without a word on standard error', async () => {
    const program = fileURLToPath(new URL('plain-node.ts', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, server.broker], {
      // The test runner has options of its own here, which are not the program's.
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'from plain Node', stderr: '' });
  }, 60_000);
});
