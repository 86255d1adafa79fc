/** As much of the cloud as an agent needs to forget its batches: counts their samples, and acknowledges them as committed. */
import {
  ackSchema,
  addRange,
  decodeBatch,
  emptyRanges,
  encodeMessage,
  messageVersion,
  type Ranges,
  TagLists,
  topicOf,
} from '@fieldline/shared/contracts';
import { connectAsync } from 'mqtt';

export type StandIn = {
  /** That have come so far. */
  readonly samples: () => number;
  readonly close: () => Promise<void>;
};

const ackEveryMs = 200;

export async function startStandIn(brokerUrl: string, gateway: string): Promise<StandIn> {
  const committed = new Map<string, Ranges>();
  const lists = new TagLists();
  let samples = 0;
  let isNews = false;
  const client = await connectAsync(brokerUrl, { clientId: 'cloud', clean: true });
  client.on('message', (_topic, payload) => {
    const result = decodeBatch(payload, gateway, lists);
    if (!result.ok) throw new Error(`${result.code}: ${result.reason}`);
    const { stream, seq, sent } = result.batch;
    committed.set(stream, addRange(committed.get(stream) ?? emptyRanges, seq));
    samples += sent;
    isNews = true;
  });
  await client.subscribeAsync(topicOf(gateway, 'batch'), { qos: 1 });
  const acknowledging = setInterval(() => {
    if (!isNews) return;
    isNews = false;
    const streams = [...committed].map(([stream, ranges]) => ({ stream, committed: ranges, ask: [] }));
    const ack = { v: messageVersion, gateway, incarnation: 'bench', at: Date.now() * 1_000, lagging: false, streams };
    client.publish(topicOf(gateway, 'ack'), encodeMessage(ackSchema.parse(ack)), { qos: 1, retain: true });
  }, ackEveryMs);
  return {
    samples: () => samples,
    close: async () => {
      clearInterval(acknowledging);
      await client.endAsync(true);
    },
  };
}
