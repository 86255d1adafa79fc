/** What can happen to the cloud. */
import { randomUUID } from 'node:crypto';
import { backboneTopics, recordHeaders, topicOf } from '@fieldline/shared/contracts';
import { pause } from '@fieldline/shared/runtime';
import type { BackboneRecord } from '../../../cloud-ingest/src/backbone/backbone.ts';
import type { Program } from '../../test/line/program.ts';
import type { Random } from '../random.ts';
import type { Fault } from '../strike-all.ts';
import type { Cloud } from './servers.ts';

export type Struck = {
  readonly cloud: Cloud;
  readonly gateways: readonly string[];
  /** Texts of records that can never be stored: each must be a dead letter in the end. */
  readonly poison: Set<string>;
};

type Strike = Struck & { readonly random: Random };

type CloudFault = {
  readonly name: string;
  readonly part:
    | 'bridge'
    | 'processor-1'
    | 'processor-2'
    | 'processor-3'
    | 'broker'
    | 'kafka'
    | 'database'
    | 'records'
    | 'partitions';
  readonly weight: number;
  readonly strike: (strike: Strike) => Promise<void>;
};

const mostAwayMs = 3_000;
const away = (random: Random): Promise<boolean> => pause(random.between(0, mostAwayMs));

async function killed(program: Program, random: Random): Promise<void> {
  await program.kill();
  await away(random);
  await program.start();
}

const cloudFaults: readonly CloudFault[] = [
  { name: 'bridge killed', part: 'bridge', weight: 3, strike: ({ cloud, random }) => killed(cloud.bridge, random) },
  {
    name: 'processor 1 killed',
    part: 'processor-1',
    weight: 3,
    strike: ({ cloud, random }) => killed(cloud.processors[0], random),
  },
  {
    name: 'processor 2 killed',
    part: 'processor-2',
    weight: 3,
    strike: ({ cloud, random }) => killed(cloud.processors[1], random),
  },
  {
    name: 'a third processor comes and goes',
    part: 'processor-3',
    weight: 2,
    strike: async ({ cloud, random }) => {
      await cloud.processors[2].start();
      await away(random);
      if (random.next() < 0.5) await cloud.processors[2].stop();
      else await cloud.processors[2].kill();
    },
  },
  {
    name: 'broker killed',
    part: 'broker',
    weight: 2,
    strike: async ({ cloud: { broker }, random }) => {
      await broker.kill();
      await away(random);
      await broker.start();
    },
  },
  {
    name: 'broker killed, its state lost',
    part: 'broker',
    weight: 1,
    strike: async ({ cloud: { broker }, random }) => {
      await broker.kill();
      broker.wipe();
      await away(random);
      await broker.start();
    },
  },
  {
    name: 'Kafka killed',
    part: 'kafka',
    weight: 2,
    strike: async ({ cloud: { kafka }, random }) => {
      await kafka.kill();
      await away(random);
      await kafka.start();
    },
  },
  {
    name: 'database killed',
    part: 'database',
    weight: 2,
    strike: async ({ cloud: { database }, random }) => {
      await database.kill();
      await away(random);
      await database.start();
    },
  },
  {
    name: 'connections of the processors cut',
    part: 'database',
    weight: 2,
    strike: async ({ cloud }) => {
      await cloud.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'fieldline-processor%'`,
      );
    },
  },
  {
    name: 'partition added',
    part: 'partitions',
    weight: 1,
    strike: async ({ cloud }) => void (await cloud.addPartition()),
  },
  { name: 'poison', part: 'records', weight: 2, strike: poisonLog },
  { name: 'records doubled', part: 'records', weight: 2, strike: doubleRecords },
];

export const faults: readonly Fault<Struck>[] = cloudFaults.map(({ name, part, weight, strike }) => ({
  name,
  weight,
  parts: () => [part],
  strike: (struck, random) => strike({ ...struck, random }),
}));

async function poisonLog({ cloud, random, gateways, poison }: Strike): Promise<void> {
  const gateway = random.pick(gateways);
  const id = randomUUID();
  const texts = [`not a batch ${id}`, `{"v":1,"gateway":"somebody-else","id":"${id}"}`, `{"v":99,"id":"${id}"}`];
  const text = random.pick(texts);
  const headers = { [recordHeaders.topic]: topicOf(gateway, 'batch'), [recordHeaders.gateway]: gateway };
  await cloud.backbone.append(backboneTopics.raw, [{ key: gateway, value: Buffer.from(text), headers }]);
  poison.add(text);
}

/** Some of what the log has is appended again: what a bridge does that dies before its PUBACK, only more of it. */
async function doubleRecords({ cloud, random }: Strike): Promise<void> {
  const bounds = await cloud.backbone.bounds(backboneTopics.raw);
  const consumer = await cloud.backbone.consume({
    topic: backboneTopics.raw,
    group: `fault-${randomUUID()}`,
    queueBytes: 1_000_000,
    positions: async (partitions) =>
      partitions.map((partition) => {
        const { oldest = 0, next = 0 } = bounds.find((bound) => bound.partition === partition) ?? {};
        return { partition, offset: random.between(oldest, Math.max(oldest, next - 1)) };
      }),
    onGap: () => {},
  });
  try {
    const records: readonly BackboneRecord[] = await consumer.poll(200_000, AbortSignal.timeout(10_000));
    await cloud.backbone.append(
      backboneTopics.raw,
      records.slice(0, 50).map(({ key, value, headers }) => ({ key, value, headers })),
    );
  } finally {
    await consumer.close();
  }
}
