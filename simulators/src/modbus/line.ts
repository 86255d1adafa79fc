import type { Conversation, Peer } from './conversation.ts';

/** What requests come over: a listening port or a serial port. It can be taken down and brought up again. */
export interface Line {
  up(): Promise<void>;
  down(): Promise<void>;
  /** Once it has been up. */
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
}

/** Called for each client of a port, and for each opening of a serial port. */
export type OnPeer = (peer: Peer) => Conversation;
