/** One session with an MQTT broker: the only file that knows the library `mqtt`. */
import { createRequire } from 'node:module';
import { warmPacketLengths } from '@fieldline/shared/runtime';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { Window } from './window.ts';

export type Session = {
  /** Resolves with the PUBACK. @throws when the broker refused it, or the session ended */
  readonly publish: (topic: string, bytes: Buffer, options?: { readonly retain?: boolean }) => Promise<void>;
  readonly subscribe: (topic: string, onMessage: (bytes: Buffer) => void) => Promise<void>;
  /** Resolves when the session is over: with the reason, or null where the broker gave none. */
  readonly ended: Promise<unknown>;
  /** Takes leave: the broker does not publish the will. */
  readonly close: () => Promise<void>;
};

/** Some brokers say nothing to a client whose MQTT version they do not know. */
export class NoAnswer extends Error {}

/** The broker ended a session with a DISCONNECT, which only MQTT 5 has. */
export class EndedByBroker extends Error {
  readonly reasonCode: number;

  constructor(reasonCode: number) {
    super(`the broker ended the session (MQTT reason ${reasonCode})`);
    this.reasonCode = reasonCode;
  }
}

const leaveTimeoutMs = 2_000;
/** Of a publish beside topic and payload. */
const packetOverhead = 32;

/** @throws the refusal of the broker (`code` is that of the CONNACK) or what the socket said */
export async function openSession(url: string, options: IClientOptions, signal: AbortSignal): Promise<Session> {
  const { connect } = await library();
  signal.throwIfAborted();
  const client = connect(url, options);
  const { connack, ended } = await connected(client, signal);
  const window = new Window(connack.properties?.receiveMaximum ?? 65_535);
  const maxPacketBytes = connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  return {
    publish: (topic, bytes, { retain = false } = {}) =>
      window.run(async () => {
        const size = bytes.length + Buffer.byteLength(topic) + packetOverhead;
        if (size > maxPacketBytes)
          throw new Error(`the broker takes at most ${maxPacketBytes} bytes, not ${size}: set uplink.maxBatchBytes`);
        await client.publishAsync(topic, bytes, { qos: 1, retain });
      }),
    subscribe: async (topic, onMessage) => {
      client.on('message', (from, payload) => {
        if (from === topic) onMessage(payload);
      });
      await client.subscribeAsync(topic, { qos: 1 });
    },
    ended,
    close: async () => {
      // Waits for open answers, but not for ever: a broker that gives none publishes the will, and rightly so.
      const timer = setTimeout(() => client.stream.destroy(), leaveTimeoutMs);
      client.end();
      await ended;
      clearTimeout(timer);
    },
  };
}

let loaded: Promise<typeof import('mqtt')> | undefined;

/** Loaded when it is needed: what reads begins before. */
function library(): Promise<typeof import('mqtt')> {
  loaded ??= import('mqtt').then((mqtt) => {
    warmPacketLengths(createRequire(import.meta.resolve('mqtt'))('mqtt-packet').writeToStream);
    return mqtt;
  });
  return loaded;
}

function connected(
  client: MqttClient,
  signal: AbortSignal,
): Promise<{ connack: IConnackPacket; ended: Promise<unknown> }> {
  return new Promise((resolve, reject) => {
    let reason: unknown = null;
    const ended = Promise.withResolvers<unknown>();
    const abort = (): void => void client.end(true);
    signal.addEventListener('abort', abort, { once: true });
    client.on('error', (error) => {
      reason = error;
    });
    client.on('disconnect', (packet) => {
      reason = new EndedByBroker(packet.reasonCode ?? 0);
    });
    client.once('connect', (connack) => {
      // From now on only the owner ends it: an orderly stop takes leave of the broker.
      signal.removeEventListener('abort', abort);
      resolve({ connack, ended: ended.promise });
    });
    client.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(reason ?? new NoAnswer('the connection ended before the broker answered'));
      ended.resolve(reason);
      // Fails what is still unanswered, and lets go of everything.
      client.end(true);
    });
  });
}
