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
import { systemClock } from '@fieldline/shared/runtime';
import { connectAsync, type MqttClient } from 'mqtt';

export type StandIn = {
  /** That have come so far. */
  readonly samples: () => number;
  /** Of these, those with a value. */
  readonly values: () => number;
  /** From the times of these to their arrival; they are told once. */
  readonly delaysMs: () => readonly number[];
  readonly close: () => Promise<void>;
};

const ackEveryMs = 200;

/** `wantsDelays`: they are kept until they are told. */
export async function startStandIn(brokerUrl: string, gateway: string, wantsDelays = false): Promise<StandIn> {
  const committed = new Map<string, Ranges>();
  const lists = new TagLists();
  let samples = 0;
  let values = 0;
  let delaysMs: number[] = [];
  let isNews = false;
  const client = await connectAsync(brokerUrl, { clientId: 'cloud', clean: true });
  client.on('message', (_topic, payload) => {
    const result = decodeBatch(payload, gateway, lists);
    if (!result.ok) throw new Error(`${result.code}: ${result.reason}`);
    const { stream, seq, sent, time, value } = result.batch;
    const arrival = systemClock.now();
    for (const [position, at] of time.entries()) {
      if (value[position] === null) continue;
      values += 1;
      if (wantsDelays) delaysMs.push((arrival - at) / 1_000);
    }
    committed.set(stream, addRange(committed.get(stream) ?? emptyRanges, seq));
    samples += sent;
    isNews = true;
  });
  await client.subscribeAsync(topicOf(gateway, 'batch'), { qos: 1 });
  const acknowledging = setInterval(() => {
    if (!isNews) return;
    isNews = false;
    acknowledge(client, gateway, committed);
  }, ackEveryMs);
  return {
    samples: () => samples,
    values: () => values,
    delaysMs: () => {
      const told = delaysMs;
      delaysMs = [];
      return told;
    },
    close: async () => {
      clearInterval(acknowledging);
      await client.endAsync(true);
    },
  };
}

/** All of it as committed by the cloud. */
export function acknowledge(client: MqttClient, gateway: string, committed: ReadonlyMap<string, Ranges>): void {
  const streams = [...committed].map(([stream, ranges]) => ({ stream, committed: ranges, ask: [] }));
  const ack = { v: messageVersion, gateway, incarnation: 'bench', at: Date.now() * 1_000, lagging: false, streams };
  client.publish(topicOf(gateway, 'ack'), encodeMessage(ackSchema.parse(ack)), { qos: 1, retain: true });
}
