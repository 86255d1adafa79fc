/** A thread with an MQTT client that takes so many messages and throws them away. PUBACKs are the library's own. */
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from 'mqtt';
import { type Discarded, type DiscardOptions, sessionOptions } from './bridge-session.ts';

const { broker, messages }: DiscardOptions = workerData;
let taken = 0;
let startedAt = 0;
const client = connect(broker, sessionOptions);
client.on('message', () => {
  taken += 1;
  if (taken === 1) startedAt = performance.now();
  if (taken !== messages) return;
  const discarded: Discarded = { seconds: (performance.now() - startedAt) / 1_000 };
  client.end(() => parentPort?.postMessage(discarded));
});
