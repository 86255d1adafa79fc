import {
  ackSchema,
  addRange,
  type DecodedBatch,
  encodeMessage,
  hasNumber,
  type Ranges,
  topicOf,
} from '@fieldline/shared/contracts';
import { connectAsync } from 'mqtt';
import { decoded, testGateway } from './journal.ts';

/** As little of the cloud as an agent needs: stores each batch once, by identity, and acknowledges when told to. */
export async function startFakeCloud(url: string) {
  const client = await connectAsync(url, {
    reconnectPeriod: 200,
    clean: false,
    clientId: 'fake-cloud',
    protocolVersion: 4,
  });
  const cloud = {
    committed: new Map<string, Ranges>(),
    batches: [] as DecodedBatch[],
    /** Everything that arrived, duplicates too, as `stream/seq`. */
    received: [] as string[],
    states: [] as unknown[],
    births: [] as unknown[],
    incarnation: 'database-1',
    lagging: false,
    ask: new Map<string, Ranges>(),
    acknowledges: true,
    /** Says whether a batch is lost on its way into the database. */
    loses: (_batch: DecodedBatch): boolean => false,
    acknowledge: () => {
      const streams = [...cloud.committed].map(([stream, committed]) => ({
        stream,
        committed,
        ask: cloud.ask.get(stream) ?? [],
      }));
      const ack = {
        v: 1,
        gateway: testGateway,
        incarnation: cloud.incarnation,
        at: 1,
        lagging: cloud.lagging,
        streams,
      };
      client.publish(topicOf(testGateway, 'ack'), encodeMessage(ackSchema.parse(ack)), { qos: 1, retain: true });
    },
    close: () => client.endAsync(true),
  };
  client.on('message', (topic, bytes) => {
    if (topic.endsWith('/state')) cloud.states.push(JSON.parse(bytes.toString()));
    if (topic.endsWith('/birth')) cloud.births.push(JSON.parse(bytes.toString()));
    if (!topic.endsWith('/batch')) return;
    const batch = decoded(bytes);
    cloud.received.push(`${batch.stream}/${batch.seq}`);
    const committed = cloud.committed.get(batch.stream) ?? [];
    if (cloud.loses(batch) || hasNumber(committed, batch.seq)) return;
    cloud.batches.push(batch);
    cloud.committed.set(batch.stream, addRange(committed, batch.seq));
    if (cloud.acknowledges) cloud.acknowledge();
  });
  await client.subscribeAsync(
    [topicOf(testGateway, 'batch'), topicOf(testGateway, 'state'), topicOf(testGateway, 'birth')],
    { qos: 1 },
  );
  return cloud;
}
export type FakeCloud = Awaited<ReturnType<typeof startFakeCloud>>;

/** The values of one tag as the database would have them. */
export const storedValues = (cloud: FakeCloud): unknown[] =>
  cloud.batches.flatMap((batch) => batch.value).sort((left, right) => Number(left) - Number(right));
