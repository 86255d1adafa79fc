/** From an MQTT message to a record of the backbone: the bytes untouched, and beside them what the bytes do not say. */
import { keyOf, type Micros, parseTopic, recordHeaders } from '@fieldline/shared/contracts';
import type { NewRecord, RecordHeaders } from '../backbone/backbone.ts';

export type ReceivedMessage = {
  readonly topic: string;
  /** null where the topic names none, e.g. because its id has characters that an id cannot have. */
  readonly gateway: string | null;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly receivedAt: Micros;
};

export const toRecord = (message: MessageOfGateway): NewRecord => ({
  key: keyOf(message.gateway),
  value: message.payload,
  headers: toHeaders(message),
});

export function toHeaders({ topic, gateway, receivedAt, qos, retain, dup }: ReceivedMessage): RecordHeaders {
  return {
    [recordHeaders.topic]: topic,
    ...(gateway === null ? {} : { [recordHeaders.gateway]: gateway }),
    [recordHeaders.receivedAt]: String(receivedAt),
    [recordHeaders.qos]: String(qos),
    [recordHeaders.retain]: String(retain),
    [recordHeaders.dup]: String(dup),
  };
}

export type MessageOfGateway = ReceivedMessage & { readonly gateway: string };

export const isOfGateway = (message: ReceivedMessage): message is MessageOfGateway => message.gateway !== null;

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
