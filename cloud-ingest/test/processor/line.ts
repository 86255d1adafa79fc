import { randomUUID } from 'node:crypto';
import { type IngestConfig, ingestSchema } from '@fieldline/shared/config';
import {
  type AckMessage,
  type Batch,
  backboneTopics,
  encodeBatch,
  encodeMessage,
  keyOf,
  type MessageKind,
  recordHeaders,
  type Sample,
  type StateMessage,
  type Tag,
  topicOf,
} from '@fieldline/shared/contracts';
import { createHealth, createMetrics, type Health, silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  requirePostgres,
  requireServer,
  type TestPostgres,
  temporaryFolder,
  timescale,
  waitFor,
} from '@fieldline/shared/testing';
import pg from 'pg';
import type { Backbone, NewRecord } from '../../src/backbone/backbone.ts';
import { openEmbeddedBackbone } from '../../src/backbone/embedded/embedded-backbone.ts';
import { type Processor, startProcessor } from '../../src/processor/processor.ts';
import { migrate } from '../../src/store/migrate.ts';

/** The kinds of server on which the same must hold. */
export const servers = [
  {
    name: 'plain PostgreSQL',
    requirement: { name: 'postgres', skipReason: null },
    open: (): Promise<TestPostgres> => requirePostgres(),
  },
  {
    name: 'TimescaleDB',
    requirement: timescale,
    open: (): Promise<TestPostgres> => requireServer('timescale'),
  },
] as const;
export type Server = (typeof servers)[number];
export const [plainPostgres] = servers;

export const configFor = (url: string, folder: string): IngestConfig =>
  ingestSchema.parse({
    mqtt: { broker: 'mqtt://127.0.0.1:1' },
    backbone: { kind: 'embedded', folder, partitions: 3 },
    database: { url },
  });

export function openBackbone(config: IngestConfig): Backbone {
  if (config.backbone.kind !== 'embedded') throw new Error('these tests use the embedded log');
  return openEmbeddedBackbone(config.backbone, systemClock, silentLog);
}

/** A database with our tables, a log, and a processor between them that the test starts. */
export type Line = {
  readonly config: IngestConfig;
  readonly backbone: Backbone;
  readonly health: Health;
  /** Acknowledgements as they were published, the newest last. */
  readonly acks: AckMessage[];
  readonly start: () => Promise<Processor>;
  readonly send: (...records: readonly Sent[]) => Promise<void>;
  readonly query: <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  /** Waits until everything sent is stored. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Sent = {
  readonly gateway: string;
  readonly kind: MessageKind;
  readonly bytes: Buffer;
  readonly receivedAt?: number;
};

export async function openLine(server: TestPostgres): Promise<Line> {
  const database = await server.createDatabase();
  const config = configFor(database.url, temporaryFolder());
  await migrate(config.database, silentLog);
  const backbone = openBackbone(config);
  await backbone.ensureTopic(backboneTopics.raw);
  const acks: AckMessage[] = [];
  const health = createHealth();
  const processors: Processor[] = [];
  const query = queryOf(database.url);
  return {
    config,
    backbone,
    health,
    acks,
    query,
    start: async () => {
      const processor = await startProcessor({
        config,
        backbone,
        acknowledge: async (message) => void acks.push(message),
        clock: systemClock,
        log: silentLog,
        metrics: createMetrics(),
        health,
      });
      processors.push(processor);
      return processor;
    },
    send: (...records) => backbone.append(backboneTopics.raw, records.map(recordOf)),
    settled: () => untilStored(backbone, query),
    close: async () => {
      for (const processor of processors) await processor.close();
      await backbone.close();
      await database.drop();
    },
  };
}

/** As the bridge writes it. */
export const recordOf = ({ gateway, kind, bytes, receivedAt = systemClock.now() }: Sent): NewRecord => ({
  key: keyOf(gateway),
  value: bytes,
  headers: {
    [recordHeaders.topic]: topicOf(gateway, kind),
    [recordHeaders.gateway]: gateway,
    [recordHeaders.receivedAt]: String(receivedAt),
  },
});

/** Each call on a connection of its own, so that nothing is left when the server is killed. */
export const queryOf =
  (url: string) =>
  async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({
      connectionString: url,
      options: '-c search_path=fieldline,public -c timezone=UTC',
      types: {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format),
      },
    });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  };

/** PostgreSQL ends one of those that wait for each other in a circle. */
const deadlock = '40P01';
const attempts = 5;

/** For a statement that locks what a processor and the jobs of the server lock as well: again when a deadlock ended it. */
export async function insist(query: Line['query'], sql: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await query(sql);
      return;
    } catch (error) {
      if (attempt === attempts || (error as { code?: unknown }).code !== deadlock) throw error;
    }
  }
}

async function untilStored(backbone: Backbone, query: Line['query']): Promise<void> {
  await waitFor(
    async () => {
      const bounds = await backbone.bounds(backboneTopics.raw);
      const [row] = await query<{ next: string }>(
        'SELECT coalesce(sum(next_offset), 0)::text AS next FROM source_offset',
      );
      return Number(row?.next) === bounds.reduce((sum, { next }) => sum + next, 0);
    },
    { what: 'everything in the log to be stored' },
  );
}

export const tagOf = (tag: string, type: Tag['type'] = 'float64', device = 'plc1'): Tag => ({ device, tag, type });
export const goodSample = (tag: Tag, value: Sample['value'], time = systemClock.now()): Sample => ({
  tag,
  time,
  value,
  quality: 0,
});

/** A gateway as far as the cloud sees it: its streams, numbered without holes. */
export class Gateway {
  readonly gateway: string;
  readonly stream: string;
  private readonly previous: Batch['previous'];
  private seq = 0;
  private read = 0;

  constructor(
    gateway = `gw-${randomUUID().slice(0, 8)}`,
    previous: Batch['previous'] = null,
    stream: string = randomUUID(),
  ) {
    this.gateway = gateway;
    this.stream = stream;
    this.previous = previous ?? null;
  }

  get lastSeq(): number {
    return this.seq;
  }

  batch(samples: readonly Sample[], more: Partial<Batch> = {}): Sent {
    this.seq += 1;
    this.read += samples.length;
    const batch: Batch = {
      gateway: this.gateway,
      stream: this.stream,
      seq: this.seq,
      ...(this.seq === 1 ? { previous: this.previous ?? null } : {}),
      read: this.read,
      filtered: 0,
      volatile: false,
      declared: [],
      samples,
      ...more,
    };
    return { gateway: this.gateway, kind: 'batch', bytes: encodeBatch(batch, 'none') };
  }

  state(more: Partial<StateMessage> = {}): Sent {
    const held = more.streams ?? [{ stream: this.stream, first: 1, last: this.seq, held: [] }];
    const state: StateMessage = {
      v: 1,
      gateway: this.gateway,
      online: true,
      reason: 'running',
      at: systemClock.now(),
      agent: 'test',
      configFingerprint: 'test',
      confirm: 'cloud',
      clock: 'synchronised',
      ...more,
      streams: held,
    };
    return { gateway: this.gateway, kind: 'state', bytes: encodeMessage(state) };
  }
}
