/**
 * The settings that a topic needs for the delivery contract, and the check of a topic that is there already. Records must
 * not be compacted away, must be held by enough replicas when they are acknowledged, and must be kept by the time the log
 * took them: by their own time, old backlog would be deleted on arrival.
 */
import { FieldlineError } from '@fieldline/shared/contracts';
import type { KafkaConfig } from './kafka-client.ts';

/** What Kafka adds to a record batch; its `max.message.bytes` counts the whole batch. */
export const batchOverheadBytes = 4_096;

export type TopicSettings = Readonly<Record<string, string>>;

/** One record batch per partition and request is what we send, so a batch may be longer than one record. */
export const topicSettings = (config: KafkaConfig): TopicSettings => ({
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'min.insync.replicas': String(config.minInSync),
  'retention.ms': String(config.retentionMs),
  'max.message.bytes': String(Math.max(config.maxRecordBytes + batchOverheadBytes, 1_048_588)),
});

const atLeast = (value: string | undefined, least: number): boolean =>
  value !== undefined && (Number(value) === -1 || Number(value) >= least);

/** What is wrong with a topic that exists, each with what to do. */
export function topicTroubles(config: KafkaConfig, actual: TopicSettings, replication: number): string[] {
  const wanted = topicSettings(config);
  const fits: Record<string, boolean> = {
    'cleanup.policy': actual['cleanup.policy'] === 'delete',
    'message.timestamp.type': actual['message.timestamp.type'] === 'LogAppendTime',
    'min.insync.replicas': atLeast(actual['min.insync.replicas'], config.minInSync),
    'retention.ms': atLeast(actual['retention.ms'], config.retentionMs),
    'max.message.bytes': atLeast(actual['max.message.bytes'], config.maxRecordBytes + batchOverheadBytes),
  };
  const troubles = Object.keys(wanted)
    .filter((name) => !fits[name])
    .map((name) => `${name} is ${actual[name] ?? 'unknown'}, needed is ${wanted[name]}`);
  if (replication < config.replication) {
    troubles.push(`replication is ${replication}, needed is ${config.replication}`);
  }
  return troubles;
}

export const unfit = (topic: string, troubles: readonly string[]): FieldlineError =>
  new FieldlineError(
    'backbone/unfit',
    `topic ${topic} does not keep the contract: ${troubles.join('; ')}. Change it (kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config …), or the settings of the backbone`,
  );
