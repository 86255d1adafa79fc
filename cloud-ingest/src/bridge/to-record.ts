/** From an MQTT message to a record of the backbone: the bytes untouched, and beside them what the bytes do not say. */
import { keyOf, type Micros, parseTopic, recordHeaders } from '@fieldline/shared/contracts';
import type { NewRecord, RecordHeaders } from '../backbone/backbone.ts';

export type ReceivedMessage = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
};

/** null for a topic that names no gateway, e.g. because its id has characters that an id cannot have. */
export function toRecord(message: ReceivedMessage, receivedAt: Micros): NewRecord | null {
  const parsed = parseTopic(message.topic);
  if (parsed === null) return null;
  return { key: keyOf(parsed.gateway), value: message.payload, headers: toHeaders(message, receivedAt) };
}

export function toHeaders({ topic, qos, retain, dup }: ReceivedMessage, receivedAt: Micros): RecordHeaders {
  const gateway = parseTopic(topic)?.gateway;
  return {
    [recordHeaders.topic]: topic,
    ...(gateway === undefined ? {} : { [recordHeaders.gateway]: gateway }),
    [recordHeaders.receivedAt]: String(receivedAt),
    [recordHeaders.qos]: String(qos),
    [recordHeaders.retain]: String(retain),
    [recordHeaders.dup]: String(dup),
  };
}
