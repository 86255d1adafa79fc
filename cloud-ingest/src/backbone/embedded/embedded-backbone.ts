/**
 * The log of one machine, in the place of Kafka: one file, one process, nothing to install. Appends are committed in groups;
 * consumers in the same process are woken by them.
 */
import type { Clock, Log } from '@fieldline/shared/runtime';
import { pause } from '@fieldline/shared/runtime';
import type { Backbone, BackboneConsumer } from '../backbone.ts';
import { createBell } from '../bell.ts';
import { createGroupCommit } from '../group-commit.ts';
import { partitionOf } from '../partition-of.ts';
import { checkRecordSize } from '../record-size.ts';
import { createEmbeddedConsumer } from './embedded-consumer.ts';
import { Groups } from './groups.ts';
import { type EmbeddedConfig, LogFile } from './log-file.ts';

const maxCommitBytes = 8 * 1024 ** 2;
/** After a commit the thread is free for this many times as long as the commit took, so that others get their turn. */
const restPerCommit = 2;

/** @throws FieldlineError backbone/unreachable: another process has it, or the folder cannot be used */
export function openEmbeddedBackbone(config: EmbeddedConfig, clock: Clock, log: Log): Backbone {
  const file = LogFile.open(config, clock);
  const groups = new Groups();
  const appended = createBell();
  const consumers = new Set<BackboneConsumer>();
  let closing: Promise<void> | undefined;
  let commitMs = 0;
  const commits = createGroupCommit({
    maxWrites: 1,
    maxWriteBytes: maxCommitBytes,
    maxPartitionBytes: maxCommitBytes,
    write: async (parts) => {
      const startedMs = clock.monotonicMs();
      file.append(parts);
      commitMs = clock.monotonicMs() - startedMs;
      appended.ring();
    },
    rest: async () => {
      await pause(commitMs * restPerCommit);
    },
  });

  return {
    kind: 'embedded',
    identity: async () => file.identity,
    ensureTopic: async (topic) => file.ensureTopic(topic, config.partitions),
    append: async (topic, records) => {
      const partitions = file.partitionsOf(topic);
      await commits.append(
        records.map((record) => ({
          topic,
          partition: partitionOf(record.key, partitions),
          record,
          bytes: checkRecordSize(record, config.maxRecordBytes),
        })),
      );
    },
    consume: async (consume) => {
      const name = `${consume.topic} ${consume.group}`;
      const partitions = file.partitionsOf(consume.topic);
      const consumer = createEmbeddedConsumer(consume, file, appended, log, (member) => {
        consumers.delete(consumer);
        groups.leave(name, member, partitions);
      });
      consumers.add(consumer);
      groups.join(name, consumer, partitions);
      return consumer;
    },
    bounds: async (topic) => file.bounds(topic),
    close: () => {
      closing ??= (async () => {
        for (const consumer of [...consumers]) await consumer.close();
        await commits.idle();
        file.close();
      })();
      return closing;
    },
  };
}
