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

export const gatewayOf = (topic: string): string | null => parseTopic(topic)?.gateway ?? null;
