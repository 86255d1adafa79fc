import type { EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs';
import type { BackboneRecord } from '../backbone.ts';
import { isFetchedRecord } from './read-batch.ts';

/** A record without a value (a tombstone of somebody else) has empty bytes, for the decoder to refuse. */
export function recordOf(partition: number, message: KafkaMessage): BackboneRecord {
  if (isFetchedRecord(message)) {
    message.partition = partition;
    return message;
  }
  return {
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key?.toString() ?? '',
    value: message.value ?? Buffer.alloc(0),
    headers: headersOf(message.headers),
  };
}

/** Of a header that is there several times, the first. */
function headersOf(headers: IHeaders | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) texts[name] = first.toString();
  }
  return texts;
}

/** The offset that was asked for; a field of the library's batch that its types leave out, held by the conformance suite. */
export function fetchedOffsetOf(batch: EachBatchPayload['batch']): number {
  if ('fetchedOffset' in batch && typeof batch.fetchedOffset === 'string') return Number(batch.fetchedOffset);
  throw new TypeError('kafkajs: a batch no longer says which offset was asked for');
}
