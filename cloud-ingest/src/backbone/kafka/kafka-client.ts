/** KafkaJS with our settings: addresses, TLS, SASL, time-outs, and its log lines in ours. */
import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BackboneConfig } from '@fieldline/shared/config';
import { FieldlineError } from '@fieldline/shared/contracts';
import { type Log, readSecret } from '@fieldline/shared/runtime';
import { type ISocketFactory, Kafka, type KafkaConfig as KafkaJsConfig, logLevel, type SASLOptions } from 'kafkajs';
import { addCodecs } from './codecs.ts';
import { mendRequestTimer } from './mend-timer.ts';
import { readBatches } from './read-batch.ts';
import { writeBatches } from './send-encoded.ts';

export type KafkaConfig = Extract<BackboneConfig, { kind: 'kafka' }>;

const connectionTimeoutMs = 5_000;
const requestTimeoutMs = 30_000;
const keepAliveAfterMs = 60_000;

export type KafkaClient = {
  readonly kafka: Kafka;
  /** Closes all connections. The library opens new ones, and asks again who leads what. */
  readonly cut: (reason: string) => void;
  /**
   * Closes all connections for good, once the library has disconnected: where two requests connect at once it forgets one of their
   * connections, and a request that comes late opens another. Kafka would keep those for minutes, and they the program.
   */
  readonly end: () => void;
  /** Connections that were open and are no longer, so far. */
  readonly lost: () => number;
};

/** @throws FieldlineError settings/unreadable */
export function createKafka(config: KafkaConfig, log: Log): KafkaClient {
  mendRequestTimer();
  addCodecs();
  readBatches();
  const connections: Connections = { open: new Set(), lost: 0, areOver: false };
  const cut = (reason: string): void => {
    for (const socket of connections.open) socket.destroy(new Error(reason));
  };
  const { tls, sasl } = config;
  const options: KafkaJsConfig = {
    clientId: 'fieldline-ingest',
    brokers: [...config.brokers],
    connectionTimeout: connectionTimeoutMs,
    authenticationTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // A few quick tries here; going on for long is the work of the callers, who know how to stop.
    retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 4 },
    socketFactory: socketsInto(connections),
    logLevel: logLevel.WARN,
    // Whatever goes wrong is thrown to us and said once, by us: the library's own lines are for debugging.
    logCreator: () => (entry) => {
      const { message, timestamp: _, logger: __, ...fields } = entry.log;
      log.debug({ kafkajs: entry.namespace, ...fields }, message);
    },
  };
  if (tls !== undefined) {
    options.ssl = {
      ...(tls.caFile === undefined ? {} : { ca: [readPem(tls.caFile, 'backbone.tls.caFile')] }),
      ...(tls.certFile === undefined ? {} : { cert: readPem(tls.certFile, 'backbone.tls.certFile') }),
      ...(tls.keyFile === undefined ? {} : { key: readPem(tls.keyFile, 'backbone.tls.keyFile') }),
    };
  }
  if (sasl !== undefined) {
    options.sasl = saslOptions(sasl.mechanism, {
      username: sasl.username,
      password: readSecret(sasl.passwordFile, 'backbone.sasl.passwordFile'),
    });
  }
  return {
    kafka: new Kafka(options),
    cut,
    end: () => {
      connections.areOver = true;
      cut('closed');
    },
    lost: () => connections.lost,
  };
}

type Connections = { readonly open: Set<Socket>; lost: number; areOver: boolean };

/** As the library's own, and remembers what is open. */
const socketsInto =
  (connections: Connections): ISocketFactory =>
  ({ host, port, ssl, onConnect }) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = ssl ? connectTls({ host, port, ...name, ...ssl }, onConnect) : connect({ host, port }, onConnect);
    socket.setKeepAlive(true, keepAliveAfterMs);
    connections.open.add(socket);
    socket.once('close', () => {
      connections.open.delete(socket);
      connections.lost += 1;
    });
    if (connections.areOver) socket.destroy(new Error('closed'));
    return writeBatches(socket);
  };

function saslOptions(
  mechanism: NonNullable<KafkaConfig['sasl']>['mechanism'],
  credentials: { username: string; password: string },
): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, ...credentials };
    case 'scram-sha-256':
      return { mechanism, ...credentials };
    case 'scram-sha-512':
      return { mechanism, ...credentials };
  }
}

function readPem(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FieldlineError('settings/unreadable', `${setting}: cannot read ${file}: ${reason}`, { cause: error });
  }
}
