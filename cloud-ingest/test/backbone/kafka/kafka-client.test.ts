import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKafka, type KafkaClient } from '../../../src/backbone/kafka/kafka-client.ts';

describeWith(kafka, 'the connections of a client of Kafka', () => {
  let server: OwnKafka;
  let client: KafkaClient;

  beforeAll(async () => {
    server = await startKafka();
    client = createKafka(
      {
        ...{ kind: 'kafka', brokers: [server.broker], partitions: 1, replication: 1, minInSync: 1 },
        ...{ retentionMs: 3_600_000, maxRecordBytes: 1_000_000 },
      },
      silentLog,
    );
  }, 60_000);
  afterAll(() => server.close());

  test('are all closed at the end, also one that the library has not closed, and none is opened after it', async () => {
    const left = client.kafka.admin();
    await left.connect();
    expect((await left.describeCluster()).brokers).toHaveLength(1);
    expect(client.lost(), 'it is open').toBe(0);
    client.end();
    await waitFor(() => client.lost() > 0, { what: 'it to be closed' });
    const lost = client.lost();
    await expect(left.describeCluster()).rejects.toThrow(/closed/);
    expect(client.lost(), 'each try to connect was ended').toBeGreaterThan(lost);
  }, 60_000);
});
