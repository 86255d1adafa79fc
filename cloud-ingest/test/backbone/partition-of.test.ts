import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { partitionOf } from '../../src/backbone/partition-of.ts';

test('a key has the partition that Kafka clients give it by default', () => {
  const theirs = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
    offlineReplicas: [],
  }));
  for (const key of ['', 'a', 'gw', 'gw-', 'gw-1', 'pumping-station:7', 'grün', 'x'.repeat(64)]) {
    const expected = theirs({ topic: 't', partitionMetadata, message: { key, value: null } });
    expect([key, partitionOf(key, 12)]).toEqual([key, expected]);
  }
});
