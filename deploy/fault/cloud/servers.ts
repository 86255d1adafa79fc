/** The cloud as operators run it: broker, Kafka and database of their own, a bridge, and processors that share the work. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import type { Lifecycle } from '@fieldline/shared/runtime';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { freePort } from '@fieldline/shared/testing/free-port';
import { type OwnKafka, startKafka } from '@fieldline/shared/testing/kafka';
import { mosquitto, type TestMosquitto } from '@fieldline/shared/testing/mosquitto';
import { type OwnPostgres, startPostgres } from '@fieldline/shared/testing/postgres';
import kafkajs from 'kafkajs';
import pg from 'pg';
import type { Backbone } from '../../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../../cloud-ingest/src/backbone/open-backbone.ts';
import { createProgram, type Program } from '../../test/line/program.ts';

export type Cloud = {
  readonly broker: TestMosquitto;
  readonly kafka: OwnKafka;
  readonly database: OwnPostgres;
  readonly databaseUrl: string;
  readonly bridge: Program;
  /** Two that run, and one that comes and goes. */
  readonly processors: readonly [Program, Program, Program];
  /** For what the run itself puts into the log. */
  readonly backbone: Backbone;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  readonly addPartition: () => Promise<number>;
};

const partitions = 3;

export async function startCloud(folder: string, timescale: boolean, lifecycle: Lifecycle): Promise<Cloud> {
  const [broker, kafka, database] = await Promise.all([mosquitto.start(), startKafka(), startPostgres({ timescale })]);
  lifecycle.add('broker', broker.close);
  lifecycle.add('Kafka', kafka.close);
  lifecycle.add('database server', database.close);
  const { url: databaseUrl } = await database.createDatabase();
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 2,
    connectionTimeoutMillis: 5_000,
    options: '-c search_path=fieldline,public',
  });
  pool.on('error', () => {
    // The server is killed on purpose; the next query connects again.
  });
  lifecycle.add('pool', () => pool.end());
  const backboneConfig: BackboneConfig = {
    kind: 'kafka',
    brokers: [kafka.broker],
    partitions,
    replication: 1,
    minInSync: 1,
    retentionMs: 24 * 3_600_000,
    maxRecordBytes: 1_000_000,
  };
  const program = async (name: string, role: string): Promise<Program> => {
    const port = await freePort();
    const file = join(folder, `${name}.yaml`);
    const settings = {
      mqtt: { broker: broker.url, ...(role === 'bridge' ? {} : { clientId: name }) },
      backbone: backboneConfig,
      database: { url: databaseUrl },
      http: { port },
    };
    writeFileSync(file, JSON.stringify(settings));
    const made = createProgram('cloud-ingest/src/main.ts', [role, '--config', file], port);
    lifecycle.add(name, made.kill);
    return made;
  };
  const bridge = await program('bridge', 'bridge');
  const processors = [
    await program('processor-1', 'processor'),
    await program('processor-2', 'processor'),
    await program('processor-3', 'processor'),
  ] as const;
  await Promise.all([bridge.start(), processors[0].start(), processors[1].start()]);
  const backbone = await openBackbone(backboneConfig, systemClock, silentLog);
  lifecycle.add('backbone', backbone.close);
  let count = partitions;
  return {
    broker,
    kafka,
    database,
    databaseUrl,
    bridge,
    processors,
    backbone,
    query: async (sql, values) => (await pool.query(sql, values)).rows,
    addPartition: async () => {
      const admin = new kafkajs.Kafka({ brokers: [kafka.broker], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await admin.connect();
      try {
        await admin.createPartitions({ topicPartitions: [{ topic: backboneTopics.raw, count: count + 1 }] });
        count += 1;
      } finally {
        await admin.disconnect();
      }
      return count;
    },
  };
}
