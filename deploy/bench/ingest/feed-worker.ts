/** The thread of feeder.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { backboneTopics, topicOf } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { connectAsync } from 'mqtt';
import type { NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../../cloud-ingest/src/backbone/open-backbone.ts';
import { backlog } from './backlog.ts';
import { type FeedOptions, type FromWorker, stepMsOf, stepsOf } from './feeder.ts';

const options: FeedOptions = workerData;
/** As often as batches that are due are sent: those of one turn go together. */
const turnMs = 10;
/** Encoding is allowed so many times what the first batches took. */
const patience = 1.6;
const leastPauseMs = 1_000;

const tell = (message: FromWorker): void => parentPort?.postMessage(message);

type Sink = { readonly send: (records: readonly NewRecord[]) => Promise<unknown>; readonly close: () => Promise<void> };

async function openSink({ into }: FeedOptions): Promise<Sink> {
  if (into.kind === 'log') {
    const log = await openBackbone(into.config, systemClock, silentLog);
    return { send: (records) => log.append(backboneTopics.raw, records), close: log.close };
  }
  const client = await connectAsync(into.url);
  return {
    send: (records) =>
      Promise.all(records.map(({ key, value }) => client.publishAsync(topicOf(key, 'batch'), value, { qos: 1 }))),
    close: () => client.endAsync(),
  };
}

/** Where batches carry the time at which they are sent, that has to be known before they are encoded. */
function encoded(): { readonly records: NewRecord[]; readonly startMs: number } {
  const steps = stepsOf(options);
  const { shape, times } = options;
  const sent = { shape, steps, stepMicros: stepMsOf(options) * 1_000 };
  const probeMs = elapsed(() => [...backlog({ ...sent, steps: 2, fromMicros: Date.now() * 1_000 })]);
  const startMs = Date.now() + leastPauseMs + (patience * probeMs * steps) / 2;
  return { records: [...backlog({ ...sent, fromMicros: startMs * 1_000, ...times })], startMs };
}

function elapsed(work: () => unknown): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

const sink = await openSink(options);
const { records, startMs } = encoded();
if (Date.now() > startMs) throw new Error('encoding took longer than it should: the machine is busy');
tell({ kind: 'ready', startMs });
const everyMs = stepMsOf(options) / options.shape.gateways;
const sending: Promise<unknown>[] = [];
let lateMs = 0;
for (let next = 0; next < records.length; ) {
  const dueMs = startMs + next * everyMs;
  await sleep(Math.max(turnMs, dueMs - Date.now()));
  const due = Math.min(records.length, Math.floor((Date.now() - startMs) / everyMs) + 1);
  if (due <= next) continue;
  lateMs = Date.now() - dueMs;
  sending.push(sink.send(records.slice(next, due)));
  next = due;
}
await Promise.all(sending);
await sink.close();
tell({ kind: 'done', batches: records.length, lateMs });
