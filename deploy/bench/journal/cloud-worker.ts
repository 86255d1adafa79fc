/** A thread that is as much of the cloud as an agent needs: takes each batch once, and acknowledges it as a commit. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  addRange,
  countOf,
  decodeBatch,
  emptyRanges,
  hasNumber,
  type Ranges,
  TagLists,
  topicOf,
} from '@fieldline/shared/contracts';
import { connectAsync } from 'mqtt';
import { acknowledge } from '../stand-in.ts';
import type { CloudOptions, Taken } from './drain.ts';

const { brokerUrl, gateway, backlogBatches }: CloudOptions = workerData;
const ackEveryMs = 200;

const committed = new Map<string, Ranges>();
const samplesOf = new Map<string, number>();
const latenessMs: number[] = [];
const lists = new TagLists();
let backlogStream: string | null = null;
let doubled = 0;
let isNews = false;

const client = await connectAsync(brokerUrl, { clientId: 'cloud', clean: true });
client.on('message', (_topic, payload) => {
  const result = decodeBatch(payload, gateway, lists);
  if (!result.ok) throw new Error(`${result.code}: ${result.reason}`);
  const { stream, seq, sent, time } = result.batch;
  const ranges = committed.get(stream) ?? emptyRanges;
  isNews = true;
  if (hasNumber(ranges, seq)) {
    doubled += 1;
    return;
  }
  committed.set(stream, addRange(ranges, seq));
  samplesOf.set(stream, (samplesOf.get(stream) ?? 0) + sent);
  // What is older than a day is of the outage: its clock was simulated.
  const oldest = time[0];
  if (oldest === undefined) return;
  const ageMs = Date.now() - oldest / 1_000;
  if (ageMs < 3_600_000) latenessMs.push(ageMs);
  else backlogStream = stream;
});
await client.subscribeAsync(topicOf(gateway, 'batch'), { qos: 1 });

const acknowledging = setInterval(() => {
  if (!isNews) return;
  isNews = false;
  acknowledge(client, gateway, committed);
  const ranges = (backlogStream === null ? undefined : committed.get(backlogStream)) ?? emptyRanges;
  if (countOf(ranges) < backlogBatches) return;
  clearInterval(acknowledging);
  const samples = samplesOf.get(backlogStream ?? '') ?? 0;
  const taken: Taken = { batches: countOf(ranges), samples, doubled, latenessMs };
  client.end(false, () => parentPort?.postMessage(taken));
}, ackEveryMs);
parentPort?.postMessage('ready');
