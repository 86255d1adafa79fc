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
export function topicTroubles(
  config: KafkaConfig,
  topic: string,
  actual: TopicSettings,
  replication: number,
): string[] {
  const wanted = topicSettings(config);
  const fits: Record<string, boolean> = {
    'cleanup.policy': actual['cleanup.policy'] === 'delete',
    'message.timestamp.type': actual['message.timestamp.type'] === 'LogAppendTime',
    'min.insync.replicas': atLeast(actual['min.insync.replicas'], config.minInSync),
    'retention.ms': atLeast(actual['retention.ms'], config.retentionMs),
    'max.message.bytes': atLeast(actual['max.message.bytes'], config.maxRecordBytes + batchOverheadBytes),
  };
  const settings: Record<string, string> = {
    'min.insync.replicas': 'backbone.minInSync',
    'retention.ms': 'backbone.retentionMs',
    'max.message.bytes': 'backbone.maxRecordBytes',
  };
  const unfit = Object.keys(wanted).filter((name) => !fits[name]);
  const troubles = unfit.map((name) => {
    const instead = settings[name] === undefined ? '' : ` (or lower ${settings[name]})`;
    return `${name} is ${actual[name] ?? 'unknown'}, needed is ${wanted[name]}${instead}`;
  });
  if (unfit.length > 0) {
    const all = unfit.map((name) => `${name}=${wanted[name]}`).join();
    troubles.push(
      `set them by: kafka-configs.sh --bootstrap-server ${config.brokers[0]} --alter --entity-type topics --entity-name ${topic} --add-config ${all}`,
    );
  }
  if (replication < config.replication) {
    troubles.push(
      `replication is ${replication}, needed is ${config.replication}: add replicas with kafka-reassign-partitions.sh, or lower backbone.replication`,
    );
  }
  return troubles;
}

export const unfit = (topic: string, troubles: readonly string[]): FieldlineError =>
  new FieldlineError('backbone/unfit', `topic ${topic} does not keep the contract: ${troubles.join('; ')}`);
