/**
 * From a record of the backbone to what the processor stores. A decoder claims topics and reads their payloads; bad bytes
 * are data (a reject), never an exception. The registry is the list of decoders: Sparkplug B and mapped JSON are two more
 * lines in it.
 */

import type { BirthMessage, DecodedBatch, ErrorCode, Micros, StateMessage } from '@fieldline/shared/contracts';
import type { DeadLetterStage } from '../dead-letters/dead-letter.ts';

/** A record and where it stands in the backbone. */
export type Origin = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly receivedAt: Micros;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

export type Reject = {
  readonly kind: 'reject';
  readonly gateway: string | null;
  /** Where it was found out. */
  readonly stage: DeadLetterStage;
  readonly code: ErrorCode;
  readonly reason: string;
  /** Of a batch that can never be stored, if its bytes tell. */
  readonly identity: { readonly stream: string; readonly seq: number } | null;
};

export type Content =
  | { readonly kind: 'batch'; readonly gateway: string; readonly batch: DecodedBatch }
  | { readonly kind: 'state'; readonly gateway: string; readonly state: StateMessage }
  | { readonly kind: 'birth'; readonly gateway: string; readonly birth: BirthMessage }
  | Reject;

export type Decoded = Content & { readonly origin: Origin };

export type Decoder = {
  readonly name: string;
  /** The gateway that the topic names, or null for a topic that is not for this decoder. */
  readonly claims: (mqttTopic: string) => string | null;
  readonly decode: (bytes: Buffer, gateway: string) => Content;
};
