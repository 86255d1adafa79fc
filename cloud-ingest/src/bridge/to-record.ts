/** From an MQTT message to a record of the backbone: the bytes untouched, and beside them what the bytes do not say. */
import { keyOf, type Micros, parseTopic, type recordHeaders } from '@fieldline/shared/contracts';
import type { NewRecord } from '../backbone/backbone.ts';

type HeaderName = (typeof recordHeaders)[keyof typeof recordHeaders];
/** Without `gateway` where the topic names none. */
type BridgeHeaders = Readonly<Record<Exclude<HeaderName, 'gateway'>, string> & { gateway?: string }>;

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

/** Named in full, not by `recordHeaders`: an object of known keys is made in half the time, and this one is made per message. */
export function toHeaders({ topic, gateway, receivedAt, qos, retain, dup }: ReceivedMessage): BridgeHeaders {
  const headers = {
    topic,
    'received-at': String(receivedAt),
    qos: String(qos),
    retain: String(retain),
    dup: String(dup),
  };
  return gateway === null ? headers : { ...headers, gateway };
}

export type MessageOfGateway = ReceivedMessage & { readonly gateway: string };

export const isOfGateway = (message: ReceivedMessage): message is MessageOfGateway => message.gateway !== null;

export const gatewayOf = (topic: string): string | null => parseTopic(topic)?.gateway ?? null;
