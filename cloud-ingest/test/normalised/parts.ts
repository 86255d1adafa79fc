import { type IngestConfig, ingestSchema } from '@fieldline/shared/config';
import { type NormalisedRecord, normalisedRecordSchema } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { kcat } from '@fieldline/shared/testing';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../src/backbone/kafka/kafka-backbone.ts';

export type Consumed = { readonly key: string; readonly record: NormalisedRecord };

/** Everything in the topic, as another program reads it. */
export async function consume(broker: string, topic: string): Promise<Consumed[]> {
  const records = await kcat.consume(broker, topic);
  return records.map(({ key, value }) => ({ key, record: normalisedRecordSchema.parse(JSON.parse(value)) }));
}

export function openKafka(broker: string): Backbone {
  const { backbone } = ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1' },
    backbone: { kind: 'kafka', brokers: [broker], partitions: 3 },
    database: { url: 'postgres://127.0.0.1:1/none' },
  });
  if (backbone.kind !== 'kafka') throw new Error('not Kafka');
  return openKafkaBackbone(backbone, silentLog);
}

/** The raw records in a log of the test's own, the normalised ones in Kafka, which all tests share. */
export const withKafkaFor = (
  topic: string,
  own: Backbone,
  kafka: Pick<Backbone, 'append' | 'ensureTopic'>,
): Backbone => ({
  ...own,
  ensureTopic: (name) => (name === topic ? kafka : own).ensureTopic(name),
  append: (name, records) => (name === topic ? kafka : own).append(name, records),
});

export const withTopic = (config: IngestConfig, normalisedTopic: string): IngestConfig => ({
  ...config,
  processor: { ...config.processor, normalisedTopic },
});
