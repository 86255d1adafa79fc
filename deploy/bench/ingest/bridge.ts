/**
 * MQTT QoS 1 → Kafka, PUBACK only after Kafka's acknowledgement, against the same MQTT client library that throws messages away.
 * Either finds a queue that the broker has kept for its session; from its first message to its last is measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { backboneTopics, bridgeFilters, topicOf } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { connectAsync } from 'mqtt';
import type { Backbone } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../../cloud-ingest/src/backbone/open-backbone.ts';
import type { Benchmark, BenchmarkContext, Figure } from '../benchmark.ts';
import { backlog, type FleetShape, largeBatches, rowsPerBatch, smallBatches, untilNow } from './backlog.ts';
import { type Discarded, type DiscardOptions, sessionOptions, window } from './bridge-session.ts';
import { inTurns, medianRate, medianRatio, roundsOf, type Timed } from './in-turns.ts';
import { type IngestOptions, startIngest } from './ingest-process.ts';
import { withServers } from './with-servers.ts';

const target = { atLeast: 0.7, aim: 0.85 };
const windowBytes = 64 * 1_024 ** 2;
const mostPublishing = 500;
const differentMessages = 2_000;
const drainMs = 120_000;
const lookEveryMs = 20;

type Message = { readonly topic: string; readonly payload: Buffer };

const run = (context: BenchmarkContext): Promise<Figure[]> =>
  withServers(async ({ kafka, mosquitto, add }) => {
    const { root, folder, short } = context;
    const rounds = roundsOf(context);
    const config = await kafka([]);
    const broker = await mosquitto({ conf: [`max_inflight_messages ${window}`, 'max_inflight_bytes 0'] });
    const log = await openBackbone(config, systemClock, silentLog);
    add('backbone', log.close);
    const settings = {
      mqtt: { broker, window, windowBytes },
      backbone: config,
      // Dead letters of messages that Kafka can never take would go there: there are none.
      database: { url: 'postgres://nobody@127.0.0.1:1/nothing' },
    };
    const options: IngestOptions = { root, folder, role: 'bridge', settings };
    const ofSize = async (shape: FleetShape, messages: number): Promise<readonly Timed[][]> => {
      const queue = messagesOf(shape, messages);
      const bridged: Timed[] = [];
      const discarded: Timed[] = [];
      await inTurns(context, rounds, [
        async () => {
          await enqueue(broker, queue);
          bridged.push(await bridge(log, options, queue.length));
        },
        async () => {
          await enqueue(broker, queue);
          discarded.push(await discard(broker, queue.length));
        },
      ]);
      return [bridged, discarded];
    };
    const [large = [], largeDiscarded = []] = await ofSize(largeBatches, short ? 4_000 : 60_000);
    const [small = [], smallDiscarded = []] = await ofSize(smallBatches, short ? 10_000 : 200_000);
    return [
      {
        name: 'MQTT QoS 1 → Kafka / throwing messages away',
        value: medianRatio(large, largeDiscarded),
        unit: '',
        target,
        note: `median of ${rounds}; batches of 1,000 samples`,
      },
      { name: '… MQTT QoS 1 → Kafka', value: medianRate(large), unit: 'messages/s', note: 'PUBACK after acks = all' },
      { name: '… throwing away', value: medianRate(largeDiscarded), unit: 'messages/s', note: 'PUBACK at once' },
      {
        name: '… the same with batches of 10 samples',
        value: medianRatio(small, smallDiscarded),
        unit: '',
        target,
        note: `${Math.round(medianRate(small)).toLocaleString('en-GB')} messages/s`,
      },
    ];
  });

/** Some batches again and again: the bridge does not look into them. */
function messagesOf(shape: FleetShape, messages: number): Message[] {
  const some = [...backlog(untilNow(shape, differentMessages * rowsPerBatch(shape)))]
    .slice(0, differentMessages)
    .map(({ key, value }) => ({ topic: topicOf(key, 'batch'), payload: value }));
  return Array.from({ length: Math.ceil(messages / some.length) }, () => some)
    .flat()
    .slice(0, messages);
}

/** Into the session, while nobody is there to take them. */
async function enqueue(broker: string, messages: readonly Message[]): Promise<void> {
  const session = await connectAsync(broker, sessionOptions);
  await session.subscribeAsync(bridgeFilters(), { qos: 1 });
  await session.endAsync();
  const publisher = await connectAsync(broker, { reconnectPeriod: 0 });
  for (let from = 0; from < messages.length; from += mostPublishing) {
    const some = messages.slice(from, from + mostPublishing);
    await Promise.all(some.map(({ topic, payload }) => publisher.publishAsync(topic, payload, { qos: 1 })));
  }
  await publisher.endAsync();
}

const recordsIn = async (log: Backbone): Promise<number> =>
  (await log.bounds(backboneTopics.raw)).reduce((sum, { next }) => sum + next, 0);

async function bridge(log: Backbone, options: IngestOptions, messages: number): Promise<Timed> {
  const before = await recordsIn(log);
  const process = await startIngest(options);
  try {
    const first = await look(log, (records) => records > before);
    const last = await look(log, (records) => records >= before + messages);
    return { rows: last.records - first.records, seconds: (last.atMs - first.atMs) / 1_000 };
  } finally {
    await process.stop();
  }
}

async function look(log: Backbone, until: (records: number) => boolean) {
  const deadline = performance.now() + drainMs;
  for (;;) {
    const records = await recordsIn(log);
    if (until(records)) return { records, atMs: performance.now() };
    if (performance.now() > deadline) throw new Error(`the bridge has stopped at ${records} records`);
    await sleep(lookEveryMs);
  }
}

async function discard(broker: string, messages: number): Promise<Timed> {
  const options: DiscardOptions = { broker, messages };
  const worker = new Worker(new URL('discard-worker.ts', import.meta.url), { workerData: options });
  const { seconds } = await new Promise<Discarded>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { rows: messages, seconds };
}

export const bridgeOf: Benchmark = {
  name: 'bridge',
  what: 'MQTT QoS 1 to Kafka, against the same client throwing messages away',
  run,
};
