/**
 * Reads from Kafka as a member of a consumer group, with positions from the caller: nothing is ever committed to Kafka.
 *
 * - Newly assigned partitions are paused in the very moment of the assignment, and resumed when their positions are known
 *   and sought: no record from before is given.
 * - A batch is taken only if it continues where we are; whatever else arrives (fetched before a rewind, or reset by the
 *   library after an offset was out of range) is looked at and dropped or declared a gap.
 * - When the queue is full, `eachBatch` waits and with it all fetching; it goes on sending heartbeats, and ends when the group
 *   rebalances.
 */
import { type Log, pause } from '@fieldline/shared/runtime';
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import { Assignment, type Held } from '../assignment.ts';
import type { BackboneConsumer, ConsumeOptions } from '../backbone.ts';
import { createBell } from '../bell.ts';
import { RecordQueue } from '../record-queue.ts';
import { startAt } from '../start-at.ts';
import type { KafkaAdmin } from './kafka-admin.ts';
import { kafkaError } from './kafka-error.ts';
import { recordOf } from './kafka-record.ts';

const sessionTimeoutMs = 10_000;
const heartbeatEveryMs = 1_000;
const rebalanceTimeoutMs = 30_000;
/** How long the broker holds a fetch when there is nothing: the longest that a graceful stop waits for. */
const fetchWaitMs = 250;
/** Of one response, and of one partition in it. */
const maxFetchBytes = 8 * 1024 ** 2;
const maxFetchPartitionBytes = 1024 ** 2;

/** @throws FieldlineError backbone/unreachable, backbone/refused */
export async function createKafkaConsumer(
  kafka: Kafka,
  admin: KafkaAdmin,
  brokers: readonly string[],
  consume: ConsumeOptions,
  log: Log,
): Promise<BackboneConsumer> {
  const { topic, group: groupId, queueBytes } = consume;
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatEveryMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTimeInMs: fetchWaitMs,
    maxBytes: Math.min(maxFetchBytes, queueBytes),
    maxBytesPerPartition: Math.min(maxFetchPartitionBytes, queueBytes),
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5, restartOnFailure: async () => true },
  });
  const queue = new RecordQueue();
  const arrivals = createBell();
  const room = createBell();
  let memberId = '';
  let lost: unknown = null;
  let closing: Promise<void> | undefined;

  const assignment = new Assignment({
    consume,
    bounds: () => admin.bounds(topic),
    log,
    dropped: (partition) => {
      queue.drop(partition);
      room.ring();
    },
    placed: ({ partition, next }) => {
      consumer.seek({ topic, partition, offset: String(next) });
      consumer.resume([{ topic, partitions: [partition] }]);
    },
    changed: arrivals.ring,
  });

  function pauseUnplaced(): void {
    const partitions = assignment.all().flatMap(({ partition, next }) => (next === null ? [partition] : []));
    if (partitions.length > 0) consumer.pause([{ topic, partitions }]);
  }

  function onJoin(payload: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    // Another member id means that the group had thrown us out: what we held, others may have had since.
    if (payload.memberId !== memberId) assignment.giveAll();
    memberId = payload.memberId;
    assignment.replace(payload.memberAssignment[topic] ?? []);
    pauseUnplaced();
    // The library forgets where it stood at every join.
    for (const { partition, next } of assignment.all()) {
      if (next !== null) consumer.seek({ topic, partition, offset: String(next) });
    }
    log.info({ topic, groupId, partitions: assignment.partitions() }, 'partitions assigned');
    // A failure is kept by the assignment and thrown by poll.
    assignment.place().catch(() => {});
  }

  /** A batch that does not begin where we are: the log no longer has our offset, or the library skipped records not meant for us. */
  async function reconcile(held: Held, fetchedOffset: number): Promise<void> {
    const limits = (await admin.bounds(topic)).find((each) => each.partition === held.partition);
    if (limits === undefined || held.next === null || !assignment.isCurrent(held)) return;
    const start = startAt({ partition: held.partition, offset: held.next }, limits);
    if (start.gap !== null) consume.onGap({ partition: held.partition, ...start.gap });
    if (start.shorter) log.warn({ topic, partition: held.partition, next: limits.next }, 'the log was made again');
    // Control records of transactions have offsets and are not given.
    held.next = start.gap === null && !start.shorter ? fetchedOffset : start.offset;
  }

  async function hasRoom(held: Held, heartbeat: () => Promise<void>): Promise<boolean> {
    while (queue.bytes >= queueBytes && closing === undefined && assignment.isCurrent(held)) {
      const waited = new AbortController();
      await Promise.race([room.next(waited.signal), pause(heartbeatEveryMs, waited.signal)]);
      waited.abort();
      await heartbeat();
    }
    return closing === undefined && assignment.isCurrent(held);
  }

  async function eachBatch({ batch, heartbeat, isStale, resolveOffset }: EachBatchPayload): Promise<void> {
    const held = assignment.get(batch.partition);
    const fetchedOffset = fetchedOffsetOf(batch);
    if (held === undefined || held.next === null || isStale()) return;
    if (fetchedOffset !== held.next) await reconcile(held, fetchedOffset);
    if (fetchedOffset !== held.next) {
      if (held.next !== null && assignment.isCurrent(held)) {
        consumer.seek({ topic, partition: held.partition, offset: String(held.next) });
      }
      return;
    }
    if (!(await hasRoom(held, heartbeat))) return;
    queue.add(
      held.partition,
      batch.messages.map((message) => recordOf(held.partition, message)),
    );
    held.next = Number(batch.lastOffset()) + 1;
    resolveOffset(batch.lastOffset());
    arrivals.ring();
    await heartbeat();
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => onJoin(payload));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    const error = kafkaError(payload.error, brokers, `reading ${topic}`);
    if (payload.restart) {
      log.warn({ topic, code: error.code, reason: error.message }, 'reading from Kafka is interrupted; trying again');
    } else {
      lost = error;
      arrivals.ring();
    }
  });

  async function close(): Promise<void> {
    arrivals.ring();
    room.ring();
    await consumer.disconnect();
  }

  try {
    await start(consumer, topic, eachBatch);
  } catch (error) {
    await consumer.disconnect();
    throw kafkaError(error, brokers, `reading ${topic}`);
  }

  return {
    poll: async (maxBytes, signal) => {
      while (closing === undefined && !signal.aborted) {
        if (lost !== null) throw lost;
        assignment.check();
        const records = queue.take(maxBytes);
        if (records.length > 0) {
          room.ring();
          return records;
        }
        await arrivals.next(signal);
      }
      return [];
    },
    assigned: assignment.partitions,
    rewind: async () => {
      assignment.reset();
      pauseUnplaced();
      await assignment.place();
    },
    lag: async () => {
      const bounds = await admin.bounds(topic);
      return assignment.all().reduce((sum, { partition, next }) => {
        const limits = bounds.find((each) => each.partition === partition);
        const polled = queue.firstOffset(partition) ?? next;
        return limits === undefined ? sum : sum + limits.next - Math.max(polled ?? limits.oldest, limits.oldest);
      }, 0);
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function start(
  consumer: Consumer,
  topic: string,
  eachBatch: (payload: EachBatchPayload) => Promise<void>,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
}

/** The offset that was asked for; a field of the library's batch that its types leave out, held by the conformance suite. */
function fetchedOffsetOf(batch: EachBatchPayload['batch']): number {
  if ('fetchedOffset' in batch && typeof batch.fetchedOffset === 'string') return Number(batch.fetchedOffset);
  throw new TypeError('kafkajs: a batch no longer says which offset was asked for');
}
