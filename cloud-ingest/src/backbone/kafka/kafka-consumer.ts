/**
 * Reads from Kafka as a member of a consumer group, with positions from the caller: nothing is ever committed to Kafka.
 *
 * - Newly assigned partitions are paused in the very moment of the assignment, and resumed when their positions are known
 *   and sought: no record from before is given.
 * - A batch is taken only if it continues where we are; whatever else arrives (fetched before a rewind, or reset by the
 *   library after an offset was out of range) is looked at and dropped or declared a gap.
 * - Whenever the topic may have been deleted and made again (the group was joined anew; see fetch-trust.ts), fetching begins
 *   at the last record that we know: see proof.ts.
 * - When the queue is full, `eachBatch` waits and with it all fetching; it goes on sending heartbeats, and ends when the group
 *   rebalances.
 */
import { hostname } from 'node:os';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type Log, pause } from '@fieldline/shared/runtime';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { Assignment, fetchFrom, type Held, positionOf } from '../assignment.ts';
import type { BackboneConsumer, ConsumeOptions } from '../backbone.ts';
import { createBell } from '../bell.ts';
import { closedConsumer } from '../closed-consumer.ts';
import { RecordQueue } from '../record-queue.ts';
import { startAt } from '../start-at.ts';
import { FetchTrust } from './fetch-trust.ts';
import { Hearing } from './hearing.ts';
import type { KafkaAdmin } from './kafka-admin.ts';
import { stickyAssigner } from './kafka-assigner.ts';
import type { KafkaClient } from './kafka-client.ts';
import { kafkaError } from './kafka-error.ts';
import { fetchedOffsetOf, recordOf } from './kafka-record.ts';
import { watchForStalls } from './watch-for-stalls.ts';

/** Also how soon a member hears of a rebalance. */
const heartbeatEveryMs = 500;
const rebalanceTimeoutMs = 30_000;
/** How long the broker holds a fetch when there is nothing: the longest that a graceful stop waits for. */
const fetchWaitMs = 250;
/** Partitions that were added are read from after this at the latest. */
const metadataMaxAgeMs = 5_000;
/** A broker that does not answer does not hold up a stop for longer. */
const closeTimeoutMs = 3_000;
/**
 * Of one response, and of one partition in it. A broker fills a response in the order of the partitions, which the library
 * never changes: one that had no room for all would leave the last ones waiting until the first are read to their ends.
 */
const maxFetchBytes = 32 * 1024 ** 2;
const fetchPartitionBytes = 1024 ** 2;

export type KafkaTimes = {
  /** A member that was killed is missed after this. */
  readonly sessionMs: number;
  /**
   * Nothing comes although the log goes on: after this we connect anew, after twice this we open another consumer. Without any
   * answer for as long, the brokers are silent.
   */
  readonly stallMs: number;
};
export const kafkaTimes: KafkaTimes = { sessionMs: 10_000, stallMs: 15_000 };

/** @throws FieldlineError backbone/unreachable, backbone/refused */
export async function createKafkaConsumer(
  client: KafkaClient,
  admin: KafkaAdmin,
  brokers: readonly string[],
  consume: ConsumeOptions,
  log: Log,
  times: KafkaTimes,
): Promise<BackboneConsumer> {
  const { topic, group: groupId, queueBytes, instance = hostname() } = consume;
  const partitions = (await admin.bounds(topic)).length;
  const consumer = client.kafka.consumer({
    groupId,
    sessionTimeout: times.sessionMs,
    heartbeatInterval: heartbeatEveryMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    maxWaitTimeInMs: fetchWaitMs,
    maxBytes: Math.min(maxFetchBytes, partitions * fetchPartitionBytes, queueBytes),
    maxBytesPerPartition: Math.min(fetchPartitionBytes, queueBytes),
    allowAutoTopicCreation: false,
    metadataMaxAge: metadataMaxAgeMs,
    partitionAssigners: [stickyAssigner(instance, () => assignment.partitions())],
    retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5, restartOnFailure: async () => true },
  });
  const queue = new RecordQueue();
  const arrivals = createBell();
  const room = createBell();
  let memberId = '';
  let lost: unknown = null;
  let waitingForRoom = false;
  const jumps = new WeakMap<Held, number>();
  const trust = new FetchTrust(client.lost);
  const hearing = new Hearing(times.stallMs, performance.now());
  let closing: Promise<void> | undefined;

  const assignment = new Assignment({
    consume,
    bounds: () => admin.bounds(topic),
    log,
    dropped: (partition) => {
      queue.drop(partition);
      room.ring();
    },
    placed: (held) => {
      seek(held);
      consumer.resume([{ topic, partitions: [held.partition] }]);
    },
    changed: arrivals.ring,
  });

  function seek(held: Held): void {
    const offset = fetchFrom(held);
    if (offset !== null) consumer.seek({ topic, partition: held.partition, offset: String(offset) });
  }

  function pauseUnplaced(): void {
    const partitions = assignment.all().flatMap(({ partition, next }) => (next === null ? [partition] : []));
    if (partitions.length > 0) consumer.pause([{ topic, partitions }]);
  }

  function onJoin(payload: { memberId: string; memberAssignment: Record<string, number[]> }): void {
    // Another member id means that the group had thrown us out: what we held, others may have had since.
    if (payload.memberId !== memberId) assignment.giveAll();
    memberId = payload.memberId;
    hearing.joined();
    assignment.replace(payload.memberAssignment[topic] ?? []);
    pauseUnplaced();
    // The library forgets where it stood at every join; and a topic that is made again makes us join.
    assignment.doubt();
    log.info({ topic, groupId, partitions: assignment.partitions() }, 'partitions assigned');
    // A failure is kept by the assignment and thrown by poll.
    assignment.place().catch(() => {});
  }

  /**
   * A batch that does not begin where we are: the log no longer has our offset, was made again, or the library went past what
   * is not given to us (control records of transactions). True: it can be taken.
   */
  async function reconcile(held: Held, fetchedOffset: number): Promise<boolean> {
    const limits = (await admin.bounds(topic)).find((each) => each.partition === held.partition);
    if (limits === undefined || held.next === null || !assignment.isCurrent(held)) return false;
    const start = startAt(positionOf(held), limits);
    // Failures are kept by the assignment and thrown by poll.
    if (start.kind === 'shorter') assignment.remade(held).catch(() => {});
    if (start.kind === 'gap') assignment.gap(held, start).catch(() => {});
    if (start.kind !== 'there') return false;
    held.unproven = start.proof;
    if (fetchedOffset === fetchFrom(held)) return true;
    const again = jumps.get(held) === fetchedOffset;
    jumps.set(held, fetchedOffset);
    if (again && fetchedOffset > held.next) {
      Object.assign(held, { next: fetchedOffset, unproven: null, proof: null });
      return true;
    }
    seek(held);
    return false;
  }

  async function hasRoom(held: Held, heartbeat: () => Promise<void>): Promise<boolean> {
    waitingForRoom = true;
    try {
      while (queue.bytes >= queueBytes && closing === undefined && assignment.isCurrent(held)) {
        const waited = new AbortController();
        await Promise.race([room.next(waited.signal), pause(heartbeatEveryMs, waited.signal)]);
        waited.abort();
        await heartbeat();
      }
    } finally {
      waitingForRoom = false;
    }
    return closing === undefined && assignment.isCurrent(held);
  }

  async function eachBatch({ batch, heartbeat, isStale, resolveOffset }: EachBatchPayload): Promise<void> {
    const held = assignment.get(batch.partition);
    const fetchedOffset = fetchedOffsetOf(batch);
    if (held === undefined || held.next === null || isStale()) return;
    if (fetchedOffset !== fetchFrom(held) && !(await reconcile(held, fetchedOffset))) return;
    if (!(await hasRoom(held, heartbeat))) return;
    const records = assignment.accept(
      held,
      batch.messages.map((message) => recordOf(held.partition, message)),
    );
    if (records === null) {
      assignment.remade(held).catch(() => {});
      return;
    }
    queue.add(held.partition, records);
    const next = Number(batch.lastOffset()) + 1;
    if (next > (held.next ?? 0)) Object.assign(held, { next, proof: null });
    resolveOffset(batch.lastOffset());
    arrivals.ring();
    await heartbeat();
  }

  const stalls = watchForStalls({
    stallMs: times.stallMs,
    isWaiting: () => waitingForRoom,
    progress: async () => {
      const bounds = await admin.bounds(topic);
      return assignment.all().flatMap(({ partition, next }) => {
        const end = bounds.find((each) => each.partition === partition)?.next;
        return next === null || end === undefined ? [] : [{ partition, next, end }];
      });
    },
    answered: () => hearing.answered(performance.now()),
    failed: (error) => hearing.failed(kafkaError(error, brokers, `reading ${topic}`).message),
    // The place in the group is kept: only the connections are new.
    stalled: (reason) => {
      consume.onStall?.();
      log.warn({ topic }, `reading ${topic}: ${reason}: connecting anew`);
      client.cut(reason);
      admin.cut(reason);
    },
    lost: (reason) => {
      lost = new FieldlineError('backbone/unreachable', `reading ${topic}: ${reason}, also over new connections`);
      arrivals.ring();
    },
  });

  consumer.on(consumer.events.FETCH_START, ({ payload }) => {
    if (trust.isDoubtful(String(payload.nodeId), performance.now())) assignment.doubt();
  });
  consumer.on(consumer.events.FETCH, ({ payload }) => trust.endedWell(String(payload.nodeId), performance.now()));
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => onJoin(payload));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    const error = kafkaError(payload.error, brokers, `reading ${topic}`);
    hearing.interrupted(error.message, performance.now());
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
    stalls.close();
    const late = setTimeout(() => client.cut('closing'), closeTimeoutMs);
    await consumer.disconnect();
    clearTimeout(late);
    client.end();
  }

  try {
    await start(consumer, topic, eachBatch);
  } catch (error) {
    await close();
    throw kafkaError(error, brokers, `reading ${topic}`);
  }

  return {
    poll: async (maxBytes, signal) => {
      if (closing !== undefined && !signal.aborted) throw closedConsumer(topic);
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
    silence: () => hearing.silence(performance.now()),
    lag: async () => {
      if (memberId === '' || hearing.silence(performance.now()) !== null) return null;
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
