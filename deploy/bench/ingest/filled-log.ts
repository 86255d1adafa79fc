/** The raw topic with records in it: of a Kafka of its own, or of an embedded log. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { startKafka } from '@fieldline/shared/testing/kafka';
import type { NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../../cloud-ingest/src/backbone/open-backbone.ts';

export type FilledLog = { readonly config: BackboneConfig; readonly close: () => Promise<void> };

const appendAtOnce = 500;

/** As the settings have it, on one broker. */
export const kafkaConfig = (broker: string): BackboneConfig => ({
  kind: 'kafka',
  brokers: [broker],
  partitions: 12,
  replication: 1,
  minInSync: 1,
  retentionMs: 7 * 24 * 3_600_000,
  maxRecordBytes: 1_000_000,
});

export async function filledKafka(records: Iterable<NewRecord>): Promise<FilledLog> {
  const server = await startKafka();
  try {
    const config = kafkaConfig(server.broker);
    await fill(config, records);
    return { config, close: server.close };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Its folder goes with the benchmark's. */
export async function filledEmbedded(folder: string, records: Iterable<NewRecord>): Promise<BackboneConfig> {
  const config = {
    kind: 'embedded',
    folder: join(folder, 'log'),
    partitions: 4,
    retentionBytes: 4 * 1_024 ** 3,
    maxRecordBytes: 1_000_000,
  } as const;
  mkdirSync(config.folder, { recursive: true });
  await fill(config, records);
  return config;
}

async function fill(config: BackboneConfig, records: Iterable<NewRecord>): Promise<void> {
  const backbone = await openBackbone(config, systemClock, silentLog);
  try {
    await backbone.ensureTopic(backboneTopics.raw);
    let some: NewRecord[] = [];
    for (const record of records) {
      some.push(record);
      if (some.length < appendAtOnce) continue;
      await backbone.append(backboneTopics.raw, some);
      some = [];
    }
    if (some.length > 0) await backbone.append(backboneTopics.raw, some);
  } finally {
    await backbone.close();
  }
}
