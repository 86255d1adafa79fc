import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, freePort, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backbone } from '../../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../../src/backbone/kafka/kafka-backbone.ts';
import type { KafkaConfig } from '../../../src/backbone/kafka/kafka-client.ts';
import { memory, record } from '../conformance.ts';

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

describeWith(kafka, 'Kafka that is stopped and started', () => {
  let server: OwnKafka;
  let backbone: Backbone;
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => {
    warnings.push(warning.name);
  };

  beforeAll(async () => {
    process.on('warning', onWarning);
    server = await startKafka();
    backbone = openKafkaBackbone(configFor([server.broker]), silentLog);
  }, 90_000);
  afterAll(async () => {
    process.off('warning', onWarning);
    await backbone.close();
    await server.close();
  }, 60_000);

  test('loses nothing that was acknowledged, and the flow resumes by itself', async () => {
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
    await waitFor(() => seen.length > 100);
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
      message: expect.stringMatching(/cleanup.policy is compact, needed is delete;.*LogAppendTime/),
    });
    const wide = openKafkaBackbone(configFor([server.broker], { replication: 3, minInSync: 2 }), silentLog);
    await expect(wide.ensureTopic('compacted')).rejects.toThrow(/replication is 1, needed is 3/);
    await wide.close();
  });

  test('no timer warning is printed by any of this', () => {
    expect(warnings).not.toContain('TimeoutNegativeWarning');
  });
});
