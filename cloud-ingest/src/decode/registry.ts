import { type Micros, recordHeaders } from '@fieldline/shared/contracts';
import type { BackboneRecord } from '../backbone/backbone.ts';
import type { Content, Decoded, Decoder, Origin } from './decoder.ts';
import { nativeBatch, nativeBirth, nativeState } from './native.ts';
import { withinWindow } from './time-window.ts';

/** The first that claims a topic decodes it. */
export const decoders: readonly Decoder[] = [nativeBatch, nativeState, nativeBirth];

export type DecodeOptions = {
  /** Backbone topic of the records. */
  readonly topic: string;
  readonly acceptPastMs: number;
  readonly acceptFutureMs: number;
};

/** Never throws on what is in a record. */
export function decodeRecord(record: BackboneRecord, options: DecodeOptions): Decoded {
  const origin = originOf(record, options.topic);
  const content = contentOf(record);
  if (content.kind !== 'batch') return { ...content, origin };
  const { kind, gateway, batch } = content;
  return { kind, gateway, batch: withinWindow(batch, origin.receivedAt, options), origin };
}

function contentOf(record: BackboneRecord): Content {
  const mqttTopic = mqttTopicOf(record);
  for (const decoder of decoders) {
    const gateway = decoder.claims(mqttTopic);
    if (gateway !== null) return decoder.decode(record.value, gateway);
  }
  const reason = `no decoder claims the topic ${JSON.stringify(mqttTopic)}`;
  return { kind: 'reject', gateway: null, stage: 'decode', code: 'topic/unknown', reason, identity: null };
}

/** Another program's connector may write no headers; then the key is the topic. */
const mqttTopicOf = ({ headers, key }: BackboneRecord): string => headers[recordHeaders.topic] ?? key;

const originOf = (record: BackboneRecord, topic: string): Origin => ({
  topic,
  partition: record.partition,
  offset: record.offset,
  receivedAt: receivedAtOf(record),
  bytes: record.value,
  headers: headersOf(record),
});

/** A dead letter keeps no key, and must tell its topic all the same. */
const headersOf = ({ headers, key }: BackboneRecord): Origin['headers'] =>
  headers[recordHeaders.topic] === undefined ? { ...headers, [recordHeaders.topic]: key } : headers;

function receivedAtOf(record: BackboneRecord): Micros {
  const stated = Number(record.headers[recordHeaders.receivedAt] ?? Number.NaN);
  return Number.isSafeInteger(stated) && stated > 0 ? stated : Math.round(record.timestampMs * 1_000);
}
