/**
 * KafkaJS sends record batches that we encode. To it each is one message of a partition; where it would encode that message
 * (the Produce request, private, KafkaJS 2.2.4, frozen upstream), the batch writes itself into the request. Produce requests
 * of version 3 to 8 are alike (Kafka protocol, "Produce API"). The test of this file notices an update that closes this seam.
 */
import { createRequire } from 'node:module';
import type { RecordBatch } from './record-batch.ts';

export type EncodedMessage = { readonly partition: number; readonly value: Buffer; readonly batch: RecordBatch };

type PartitionData = { readonly partition: number; readonly messages: readonly { readonly batch?: RecordBatch }[] };
type TopicData = { readonly topic: string; readonly partitions: readonly PartitionData[] };
type Arguments = { readonly acks: number; readonly timeout: number; readonly topicData: readonly TopicData[] };
/** What KafkaJS takes for an encoder: it asks for the length of its buffer and lets it copy itself. */
type Encoded = { readonly buf: Buffer; readonly buffer: { readonly length: number; readonly copy: WriteTo } };
type WriteTo = (target: Buffer, from: number) => void;
type Build = (args: Arguments) => { request: { encode: () => Promise<Encoded> }; response: unknown };
type Produce = { protocol: (wanted: { version: number | string }) => Build; [sendsEncoded]?: true };

const require = createRequire(import.meta.url);
const sendsEncoded = Symbol.for('fieldline.kafkajs.sends-encoded');
const oldestVersion = 3;
const noTransaction = -1;
const nothing = Buffer.alloc(0);

/** As KafkaJS wants a message: it looks whether there is a value, and no further. */
export const encodedMessage = (partition: number, batch: RecordBatch): EncodedMessage => ({
  partition,
  value: nothing,
  batch,
});

/** From here on producers of this process take encoded batches too. */
export function sendEncodedBatches(): void {
  const produce: Produce = require('kafkajs/src/protocol/requests/produce/index.js');
  if (produce[sendsEncoded]) return;
  const original = produce.protocol;
  produce.protocol = ({ version }) => {
    if (Number(version) < oldestVersion) throw new Error(`Kafka is older than 0.11: Produce version ${version}`);
    const build = original({ version });
    return (args) => {
      const { request, response } = build(args);
      const parts = partsOf(args);
      return { request: parts === null ? request : { ...request, encode: async () => encoded(parts) }, response };
    };
  };
  produce[sendsEncoded] = true;
}

function encoded(parts: readonly (Buffer | RecordBatch)[]): Encoded {
  const length = parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.sizeBytes), 0);
  const copy: WriteTo = (target, from) => {
    let at = from;
    for (const part of parts) {
      if (Buffer.isBuffer(part)) at += part.copy(target, at);
      else {
        part.writeTo(target, at);
        at += part.sizeBytes;
      }
    }
  };
  return { buf: nothing, buffer: { length, copy } };
}

/** null for a request of ordinary messages. */
function partsOf({ acks, timeout, topicData }: Arguments): (Buffer | RecordBatch)[] | null {
  const parts: (Buffer | RecordBatch)[] = [int16(noTransaction), int16(acks), int32(timeout), int32(topicData.length)];
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic);
    parts.push(int16(name.length), name, int32(partitions.length));
    for (const { partition, messages } of partitions) {
      const [message] = messages;
      if (message?.batch === undefined || messages.length > 1) return null;
      parts.push(int32(partition), int32(message.batch.sizeBytes), message.batch);
    }
  }
  return parts;
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
