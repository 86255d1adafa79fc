/** Servers of a benchmark's own, ended with it in the reverse order of their start. */
import { Lifecycle } from '@fieldline/shared/runtime';
import { startAedes } from '@fieldline/shared/testing/aedes';
import { kafka } from '@fieldline/shared/testing/kafka';
import { type MosquittoOptions, mosquitto } from '@fieldline/shared/testing/mosquitto';
import { timescale } from '@fieldline/shared/testing/timescale';
import type { NewRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { type BenchServer, startServer } from './database-server.ts';
import { type FilledLog, filledKafka } from './filled-log.ts';

export type Servers = {
  readonly timescale: () => Promise<BenchServer>;
  readonly plainPostgres: () => Promise<BenchServer>;
  /** A Kafka with these records in the raw topic. */
  readonly kafka: (records: Iterable<NewRecord>) => Promise<FilledLog['config']>;
  /** A broker in this process, for acknowledgements that nobody measures. */
  readonly broker: () => Promise<string>;
  readonly mosquitto: (options: MosquittoOptions) => Promise<string>;
  /** Whatever else has to be closed. */
  readonly add: (name: string, close: () => Promise<void>) => void;
};

/** What this machine lacks is thrown, in words that say how to get it. */
export async function withServers<Result>(work: (servers: Servers) => Promise<Result>): Promise<Result> {
  const lifecycle = new Lifecycle();
  const keep = <Server extends { readonly close: () => Promise<void> }>(name: string, server: Server): Server => {
    lifecycle.add(name, server.close);
    return server;
  };
  const demand = ({ name, skipReason }: { readonly name: string; readonly skipReason: string | null }): void => {
    if (skipReason !== null) throw new Error(`without ${name} this cannot be measured: ${skipReason}`);
  };
  try {
    return await work({
      timescale: async () => {
        demand(timescale);
        return keep('TimescaleDB', await startServer(true));
      },
      plainPostgres: async () => keep('PostgreSQL', await startServer(false)),
      kafka: async (records) => {
        demand(kafka);
        return keep('Kafka', await filledKafka(records)).config;
      },
      broker: async () => keep('broker', await startAedes()).url,
      mosquitto: async (options) => {
        demand(mosquitto);
        return keep('Mosquitto', await mosquitto.start(options)).url;
      },
      add: (name, close) => lifecycle.add(name, close),
    });
  } finally {
    await lifecycle.close();
  }
}
