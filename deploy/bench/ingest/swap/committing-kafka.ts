/** In the place of `kafka/kafka-client.ts`: the same client, whose consumer can be told to commit its offsets to Kafka. */

import { createKafka as createRealKafka } from '../../../../cloud-ingest/src/backbone/kafka/kafka-client.ts';
import type { Mark } from '../../../../cloud-ingest/src/processor/offsets.ts';

type CommitOffsets = (offsets: { topic: string; partition: number; offset: string }[]) => Promise<void>;

let commit: CommitOffsets | null = null;

export const createKafka: typeof createRealKafka = (config, log) => {
  const client = createRealKafka(config, log);
  const { kafka } = client;
  const consumerOf = kafka.consumer.bind(kafka);
  kafka.consumer = (options) => {
    const consumer = consumerOf(options);
    commit = consumer.commitOffsets.bind(consumer);
    return consumer;
  };
  return client;
};

/** Resolves when Kafka has them. */
export async function commitOffsets(topic: string, next: ReadonlyMap<number, Mark>): Promise<void> {
  if (commit === null) throw new Error('nothing was consumed yet');
  await commit([...next].map(([partition, { offset }]) => ({ topic, partition, offset: String(offset) })));
}
