/** From an MQTT message to a record of the backbone: the bytes untouched, and beside them what the bytes do not say. */
import { keyOf, type Micros, parseTopic, recordHeaders } from '@fieldline/shared/contracts';
import type { NewRecord, RecordHeaders } from '../backbone/backbone.ts';

export type ReceivedMessage = {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly receivedAt: Micros;
};

/** null for a topic that names no gateway, e.g. because its id has characters that an id cannot have. */
export function toRecord(message: ReceivedMessage): NewRecord | null {
  const gateway = gatewayOf(message.topic);
  if (gateway === null) return null;
  return { key: keyOf(gateway), value: message.payload, headers: toHeaders(message) };
}

export function toHeaders({ topic, receivedAt, qos, retain, dup }: ReceivedMessage): RecordHeaders {
  const gateway = gatewayOf(topic);
  return {
    [recordHeaders.topic]: topic,
    ...(gateway === null ? {} : { [recordHeaders.gateway]: gateway }),
    [recordHeaders.receivedAt]: String(receivedAt),
    [recordHeaders.qos]: String(qos),
    [recordHeaders.retain]: String(retain),
    [recordHeaders.dup]: String(dup),
  };
}

/** A gateway says the same three topics again and again, and parsing one costs more than the rest of this file. */
const remembered = new Map<string, string | null>();
const mostRemembered = 30_000;

export function gatewayOf(topic: string): string | null {
  const known = remembered.get(topic);
  if (known !== undefined) return known;
  if (remembered.size >= mostRemembered) remembered.clear();
  const gateway = parseTopic(topic)?.gateway ?? null;
  remembered.set(topic, gateway);
  return gateway;
}
