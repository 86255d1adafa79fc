/**
 * One MQTT session per connection: a client object of the library is never used for a second connection, so nothing that
 * belongs to an earlier one (a PUBACK, a subscription the library believes in) can reach a later one.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { IngestConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { readSecret, warmPacketLengths } from '@fieldline/shared/runtime';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { refusesProtocol, sessionError } from './session-error.ts';

export type MqttConfig = Omit<IngestConfig['mqtt'], 'shareGroup' | 'window' | 'windowBytes' | 'probeEveryMs'>;
export type Protocol = MqttConfig['protocol'];

export type SessionOptions = {
  readonly clientId: string;
  /** Whether the broker keeps subscriptions and messages while we are away. */
  readonly persistent: boolean;
  /** MQTT 5: how long the broker keeps a persistent session without us; by default a week, as Kafka keeps records. */
  readonly expirySeconds?: number;
  /** MQTT 5: most messages that the broker sends without our PUBACK. */
  readonly receiveMaximum?: number;
  /** Called when the client has its stream and nothing can have come yet: a broker may send in the same segment as its CONNACK. */
  readonly prepare?: (client: MqttClient) => void;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
};

export type Session = {
  readonly client: MqttClient;
  readonly protocol: Protocol;
  /** Aborted when the connection has ended; its reason says why. */
  readonly ended: AbortSignal;
  /** Disconnects in order, or after `closeTimeoutMs` without. Idempotent. */
  readonly close: () => Promise<void>;
};

warmPacketLengths(createRequire(import.meta.resolve('mqtt'))('mqtt-packet').writeToStream);

const weekSeconds = 7 * 24 * 3_600;
const closeTimeoutMs = 2_000;

/**
 * Connects once; with MQTT 3.1.1 where the broker refuses MQTT 5.
 * @throws FieldlineError broker/unreachable, broker/refused, settings/unreadable
 */
export async function openSession(config: MqttConfig, options: SessionOptions, protocol: Protocol): Promise<Session> {
  try {
    return await connectOnce(config, options, protocol);
  } catch (error) {
    if (protocol === '5' && refusesProtocol(error)) return openSession(config, options, '3.1.1');
    throw sessionError(error, config.broker);
  }
}

function connectOnce(config: MqttConfig, options: SessionOptions, protocol: Protocol): Promise<Session> {
  const client = connect(config.broker, clientOptions(config, options, protocol));
  const ended = new AbortController();
  let failure: unknown = new Error('the broker closed the connection');
  client.on('error', (error) => {
    failure = error;
  });
  // MQTT 5: the broker says why it ends the session, e.g. because another client took it over.
  client.on('disconnect', ({ reasonCode }) => {
    const code = reasonCode ?? 0;
    failure = Object.assign(new Error(`the broker ended the session, reason code ${code}`), { code });
  });
  client.on('close', () => ended.abort(sessionError(failure, config.broker)));
  return new Promise((resolve, reject) => {
    const connecting = new AbortController();
    options.signal?.addEventListener('abort', () => client.end(true), { signal: connecting.signal });
    client.once('connect', () => {
      connecting.abort();
      resolve({ client, protocol, ended: ended.signal, close: () => close(client, ended.signal) });
    });
    client.once('close', () => {
      connecting.abort();
      client.end(true);
      reject(failure);
    });
    client.connect();
    options.prepare?.(client);
  });
}

async function close(client: MqttClient, ended: AbortSignal): Promise<void> {
  if (ended.aborted) return;
  const gone = new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  // A broker that has fallen silent takes no leave, and the library would wait for its last PUBACK.
  const late = setTimeout(() => client.stream.destroy(), closeTimeoutMs);
  client.end();
  await gone;
  clearTimeout(late);
}

/** What the settings name must be there from the start, although it is read anew at each connect. @throws FieldlineError settings/unreadable */
export function checkFiles(config: MqttConfig): void {
  clientOptions(config, { clientId: 'none', persistent: false }, config.protocol);
}

function clientOptions(config: MqttConfig, options: SessionOptions, protocol: Protocol): IClientOptions {
  const { username, passwordFile, tls } = config;
  return {
    manualConnect: true,
    // We make a new client for each connection.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // The library describes each step of each packet, whether anybody listens or not.
    log: () => {},
    protocolVersion: protocol === '5' ? 5 : 4,
    clientId: options.clientId,
    clean: !options.persistent,
    keepalive: Math.ceil(config.keepaliveMs / 1_000),
    connectTimeout: config.connectTimeoutMs,
    ...(protocol === '5' ? { properties: sessionProperties(options) } : {}),
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: readSecret(passwordFile, 'mqtt.passwordFile') }),
    ...(tls?.caFile === undefined ? {} : { ca: readPem(tls.caFile, 'mqtt.tls.caFile') }),
    ...(tls?.certFile === undefined ? {} : { cert: readPem(tls.certFile, 'mqtt.tls.certFile') }),
    ...(tls?.keyFile === undefined ? {} : { key: readPem(tls.keyFile, 'mqtt.tls.keyFile') }),
  };
}

const sessionProperties = ({
  persistent,
  expirySeconds,
  receiveMaximum,
}: SessionOptions): IClientOptions['properties'] & object => ({
  ...(persistent ? { sessionExpiryInterval: expirySeconds ?? weekSeconds } : {}),
  ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
});

function readPem(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FieldlineError('settings/unreadable', `${setting}: cannot read ${file}: ${reason}`, { cause: error });
  }
}
