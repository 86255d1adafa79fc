/**
 * The processor alone: a backlog becomes rows. Against it, in turns on the same server with its durability as installed, one
 * binary COPY of the same rows into the same table, encoded beforehand: what the database takes when nobody has to think.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BackboneConfig } from '@fieldline/shared/config';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog, systemClock } from '@fieldline/shared/runtime';
import { startAedes } from '@fieldline/shared/testing/aedes';
import { kafka, startKafka } from '@fieldline/shared/testing/kafka';
import { timescale } from '@fieldline/shared/testing/timescale';
import type { NewRecord } from '../../cloud-ingest/src/backbone/backbone.ts';
import { openBackbone } from '../../cloud-ingest/src/backbone/open-backbone.ts';
import { backlog, copyMessages } from './backlog.ts';
import type { Benchmark, BenchmarkContext, Figure } from './benchmark.ts';
import { startServer } from './database-server.ts';
import { type Drained, drainBacklog } from './drain-backlog.ts';
import { rawCopy } from './raw-copy.ts';
import { median } from './statistics.ts';

const leastRatio = 0.5;
const appendAtOnce = 100;

type Source = { readonly name: string; readonly config: BackboneConfig };

async function run(context: BenchmarkContext): Promise<Figure[]> {
  const rows = context.short ? 500_000 : 2_000_000;
  const rounds = context.short ? 1 : 3;
  const records = [...backlog(rows, Date.now())];
  const messages = copyMessages(records);
  const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
  context.say(
    `${rows.toLocaleString('en-GB')} rows in ${records.length.toLocaleString('en-GB')} batches of ${Math.round(bytes / records.length)} bytes (zstd)`,
  );
  const embedded: Source = { name: 'embedded log', config: embeddedConfig(context.folder) };
  await fill(embedded.config, records);
  const broker = await startAedes();
  const figures: Figure[] = [];
  const measure = async (timescaleToo: boolean, source: Source): Promise<void> => {
    const setting = { context, rows, rounds, messages, source, brokerUrl: broker.url };
    figures.push(...(await alternate(setting, timescaleToo)));
  };
  try {
    if (kafka.skipReason === null) {
      const server = await startKafka();
      try {
        const source: Source = { name: 'Kafka', config: { ...kafkaSettings, brokers: [server.broker] } };
        await fill(source.config, records);
        if (timescale.skipReason === null) await measure(true, source);
        else context.say(`without TimescaleDB: ${timescale.skipReason}`);
        await measure(false, source);
      } finally {
        await server.close();
      }
    } else context.say(`without Kafka: ${kafka.skipReason}`);
    await measure(false, embedded);
  } finally {
    await broker.close();
  }
  return figures;
}

const kafkaSettings = {
  kind: 'kafka',
  partitions: 12,
  replication: 1,
  minInSync: 1,
  retentionMs: 7 * 24 * 3_600_000,
  maxRecordBytes: 1_000_000,
} as const;

function embeddedConfig(folder: string): BackboneConfig {
  return {
    kind: 'embedded',
    folder: join(folder, 'log'),
    partitions: 4,
    retentionBytes: 4 * 1024 ** 3,
    maxRecordBytes: 1_000_000,
  };
}

async function fill(config: BackboneConfig, records: readonly NewRecord[]): Promise<void> {
  if (config.kind === 'embedded' && !existsSync(config.folder)) mkdirSync(config.folder, { recursive: true });
  const backbone = await openBackbone(config, systemClock, silentLog);
  try {
    await backbone.ensureTopic(backboneTopics.raw);
    for (let from = 0; from < records.length; from += appendAtOnce) {
      await backbone.append(backboneTopics.raw, records.slice(from, from + appendAtOnce));
    }
  } finally {
    await backbone.close();
  }
}

type Setting = {
  readonly context: BenchmarkContext;
  readonly rows: number;
  readonly rounds: number;
  readonly messages: readonly Buffer[];
  readonly source: Source;
  readonly brokerUrl: string;
};

async function alternate(setting: Setting, onTimescale: boolean): Promise<Figure[]> {
  const { context, rows, rounds, source } = setting;
  const name = `${source.name} → ${onTimescale ? 'TimescaleDB' : 'PostgreSQL'}`;
  const server = await startServer(onTimescale);
  const raw: number[] = [];
  const bare: number[] = [];
  const drained: Drained[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      if (context.signal.aborted) throw new Error('stopped');
      bare.push(rows / (await rawCopy(server, setting.messages, 'bare')));
      const copying = async (): Promise<void> => {
        raw.push(rows / (await rawCopy(server, setting.messages, 'sample')));
      };
      const draining = async (): Promise<void> => {
        drained.push(
          await drainBacklog(server, {
            ...setting,
            backbone: source.config,
            root: context.root,
            folder: context.folder,
          }),
        );
      };
      const order = round % 2 === 0 ? [copying, draining] : [draining, copying];
      for (const step of order) await step();
    }
  } finally {
    await server.close();
  }
  const ours = median(drained.map(({ seconds }) => rows / seconds));
  return [
    { name: `${name}: processor`, value: ours / 1_000, unit: 'k rows/s', note: `median of ${rounds}` },
    { name: '… one COPY of the same rows', value: median(raw) / 1_000, unit: 'k rows/s', note: 'into the same table' },
    { name: '… processor / COPY', value: ours / median(raw), unit: '', target: { atLeast: leastRatio } },
    {
      name: '… one COPY without an index',
      value: median(bare) / 1_000,
      unit: 'k rows/s',
      note: `into a bare table: the ratio is then ${(ours / median(bare)).toFixed(2)}`,
    },
    {
      name: '… CPU of the processor',
      value: median(drained.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / rows)),
      unit: 's per million rows',
    },
    {
      name: '… most memory of the processor',
      value: Math.max(...drained.map(({ mostBytes }) => mostBytes)) / 1e6,
      unit: 'MB',
    },
  ];
}

export const processor: Benchmark = {
  name: 'processor',
  what: 'a backlog to rows, against one binary COPY of the same rows',
  run,
};
