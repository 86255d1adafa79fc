/**
 * Record batches that we encode go out through KafkaJS, without being copied by it: its encoder would take two more buffers as
 * large as the request, and what is thrown away of them costs more than all the rest of a send.
 *
 * To KafkaJS each batch is one message of a partition. Where it would encode a Produce request (private, KafkaJS 2.2.4, frozen
 * upstream) it gets a stand-in, and where it writes that to its socket the request itself is written. Produce requests of
 * version 3 to 8 are alike (Kafka protocol, "Produce API"). Tests notice an update that closes this seam; a stand-in that
 * reached Kafka all the same is no request, so that nothing wrong could be stored.
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Producer, RecordMetadata } from 'kafkajs';
import type { RecordBatch } from './record-batch.ts';

export type PartitionBatch = { readonly partition: number; readonly batch: RecordBatch };
export type TopicBatches = { readonly topic: string; readonly batches: readonly PartitionBatch[] };

type Part = Buffer | RecordBatch;
/** One call of `sendEncoded`: KafkaJS makes a request for each broker, and again when it tries again. */
type Send = { readonly requests: bigint[] };
type Message = { readonly value: Buffer; readonly batch?: RecordBatch; readonly send?: Send };
type PartitionData = { readonly partition: number; readonly messages: readonly Message[] };
type TopicData = { readonly topic: string; readonly partitions: readonly PartitionData[] };
type Arguments = { readonly acks: number; readonly timeout: number; readonly topicData: readonly TopicData[] };
/** What KafkaJS takes for an encoder. */
type Encoded = { readonly buf: Buffer; readonly buffer: Buffer };
type Build = (args: Arguments) => { request: { encode: () => Promise<Encoded> }; response: unknown };
type Produce = { protocol: (wanted: { version: number | string }) => Build; [takesBatches]?: true };

const require = createRequire(import.meta.url);
const takesBatches = Symbol.for('fieldline.kafkajs.takes-batches');
const oldestVersion = 3;
const noTransaction = -1;
const nothing = Buffer.alloc(0);

/** A stand-in ends with these bytes and its number. */
const mark = randomBytes(16);
const standInBytes = mark.length + 8;
const requests = new Map<bigint, readonly Part[]>();
let lastRequest = 0n;

/** Before a producer connects: from here on producers of this process take batches too. */
export function takeBatches(): void {
  const produce: Produce = require('kafkajs/src/protocol/requests/produce/index.js');
  if (produce[takesBatches]) return;
  const original = produce.protocol;
  produce.protocol = ({ version }) => {
    if (Number(version) < oldestVersion) throw new Error(`Kafka is older than 0.11: Produce version ${version}`);
    const build = original({ version });
    return (args) => {
      const { request, response } = build(args);
      const send = args.topicData[0]?.partitions[0]?.messages[0]?.send;
      if (send === undefined) return { request, response };
      return { request: { ...request, encode: async () => standIn(send, partsOf(args)) }, response };
    };
  };
  produce[takesBatches] = true;
}

/** One batch for each partition, at least one. What it resolves with has an entry for each partition that has it. */
export async function sendEncoded(
  producer: Producer,
  acks: number,
  topics: readonly TopicBatches[],
): Promise<RecordMetadata[]> {
  const send: Send = { requests: [] };
  const topicMessages = topics.map(({ topic, batches }) => ({
    topic,
    messages: batches.map((each) => ({ ...each, value: nothing, send })),
  }));
  try {
    return await producer.sendBatch({ acks, topicMessages });
  } finally {
    for (const request of send.requests) requests.delete(request);
  }
}

/** For each socket of KafkaJS: writes requests where their stand-ins are written. */
export function writeBatches(socket: Socket): Socket {
  const write = socket.write.bind(socket);
  /** Kept for the next request, while the system does not read from it any more. */
  let spare: Buffer = nothing;
  return Object.assign(socket, {
    write: (chunk: Buffer, encoding?: BufferEncoding) => {
      const parts = requestOf(chunk);
      if (parts === null) return write(chunk, encoding);
      const header = chunk.subarray(0, -standInBytes);
      const sizeBytes = parts.reduce((sum, part) => sum + sizeOf(part), header.length);
      const target = spare.length < sizeBytes ? Buffer.allocUnsafeSlow(sizeBytes) : spare;
      spare = nothing;
      header.copy(target);
      target.writeInt32BE(sizeBytes - 4);
      writeParts(target, header.length, parts);
      return write(target.subarray(0, sizeBytes), () => {
        spare = target;
      });
    },
  });
}

function requestOf(chunk: Buffer): readonly Part[] | null {
  if (requests.size === 0 || chunk.length < standInBytes) return null;
  const end = chunk.subarray(-standInBytes);
  return end.subarray(0, mark.length).equals(mark) ? (requests.get(end.readBigUInt64BE(mark.length)) ?? null) : null;
}

function standIn({ requests: mine }: Send, parts: readonly Part[]): Encoded {
  lastRequest += 1n;
  requests.set(lastRequest, parts);
  mine.push(lastRequest);
  const buffer = Buffer.allocUnsafe(standInBytes);
  mark.copy(buffer);
  buffer.writeBigUInt64BE(lastRequest, mark.length);
  return { buf: buffer, buffer };
}

function partsOf({ acks, timeout, topicData }: Arguments): Part[] {
  const parts: Part[] = [int16(noTransaction), int16(acks), int32(timeout), int32(topicData.length)];
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic);
    parts.push(int16(name.length), name, int32(partitions.length));
    for (const { partition, messages } of partitions) {
      const batch = messages[0]?.batch;
      if (batch === undefined || messages.length > 1) throw new Error(`partition ${partition} has not one batch`);
      parts.push(int32(partition), int32(batch.sizeBytes), batch);
    }
  }
  return parts;
}

const sizeOf = (part: Part): number => (Buffer.isBuffer(part) ? part.length : part.sizeBytes);

function writeParts(target: Buffer, from: number, parts: readonly Part[]): void {
  let at = from;
  for (const part of parts) {
    if (Buffer.isBuffer(part)) part.copy(target, at);
    else part.writeTo(target, at);
    at += sizeOf(part);
  }
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
