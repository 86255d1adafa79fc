/** What the bridge and the client that takes its place have in common. */
import type { IClientOptions } from 'mqtt';

/** Unacknowledged messages that broker and client allow each other: raised in both, so that neither waits for a round trip. */
export const window = 4_096;

/** The session that the bridge finds again: whoever takes its place says the same. */
export const sessionOptions: IClientOptions = {
  clientId: 'fieldline-bridge',
  protocolVersion: 5,
  clean: false,
  reconnectPeriod: 0,
  properties: { sessionExpiryInterval: 3_600, receiveMaximum: window },
};

export type DiscardOptions = { readonly broker: string; readonly messages: number };
export type Discarded = { readonly seconds: number };
