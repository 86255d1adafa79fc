import { randomUUID } from 'node:crypto';
import { backboneTopics } from '@fieldline/shared/contracts';
import { silentLog } from '@fieldline/shared/runtime';
import { describeWith, kafka, requirePostgres, type TestDatabase, waitFor } from '@fieldline/shared/testing';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import { openKafkaBackbone } from '../../src/backbone/kafka/kafka-backbone.ts';
import type { Processor } from '../../src/processor/processor.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, Gateway, goodSample, queryOf, recordOf, type Sent, tagOf } from '../processor/line.ts';
import { startQuietProcessor } from '../processor/quiet-processor.ts';
import { always, expectConsistent, replay } from './replays.ts';

/** Topics of our own on a Kafka that others use too. */
const scoped = (backbone: Backbone, name: (topic: string) => string): Backbone => ({
  ...backbone,
  ensureTopic: (topic) => backbone.ensureTopic(name(topic)),
  append: (topic, records) => backbone.append(name(topic), records),
  consume: (options) => backbone.consume({ ...options, topic: name(options.topic) }),
  bounds: (topic) => backbone.bounds(name(topic)),
});

describeWith(kafka, 'a replay from Kafka', () => {
  let database: TestDatabase;
  let backbone: Backbone;
  let config: ReturnType<typeof configFor>;
  let processor: Processor;
  let topicName: (topic: string) => string;
  const batches = 120;
  const start = Date.now() - 3_600_000;

  beforeEach(async () => {
    database = await (await requirePostgres()).createDatabase();
    const prefix = randomUUID().slice(0, 8);
    const plain = configFor(database.url, 'none');
    config = { ...plain, processor: { ...plain.processor, group: prefix } };
    await migrate(config.database, silentLog);
    topicName = (topic) => `${prefix}.${topic}`;
    const options = { partitions: 3, replication: 1, minInSync: 1, retentionMs: 3_600_000, maxRecordBytes: 1_000_000 };
    backbone = scoped(
      await openKafkaBackbone({ kind: 'kafka', brokers: await kafka.brokers(), ...options }, silentLog),
      topicName,
    );
    processor = await startQuietProcessor(config, backbone);
  }, 60_000);
  afterEach(async () => {
    await processor.close();
    await backbone.close();
    await database.drop();
  }, 60_000);

  const query = () => queryOf(database.url);
  const batchOf = (gateway: Gateway, ms: number): Sent =>
    gateway.batch([goodSample(tagOf('a'), ms % 1_000, ms * 1_000), goodSample(tagOf('b'), 1, ms * 1_000)]);
  async function store(sent: readonly Sent[], rows: number): Promise<void> {
    await backbone.append(backboneTopics.raw, sent.map(recordOf));
    await waitFor(async () => (await query()('SELECT count(*)::int AS n FROM sample'))[0]?.n === rows, {
      what: 'everything to be stored',
    });
  }

  test('reads beside the processor with a group of its own, and leaves what retention of the topic has taken', async () => {
    const gateways = ['g1', 'g2', 'g3', 'g4', 'g5'].map((id) => new Gateway(id));
    const sent = Array.from({ length: batches }, (_, n) =>
      batchOf(gateways[n % gateways.length] as Gateway, start + n * 1_000),
    );
    await store(sent, batches * 2);
    const right = await query()('SELECT time, tag, value FROM reading ORDER BY 1, 2');
    await query()('UPDATE sample SET value = -1');
    await query()(`UPDATE latest SET value = -1`);
    await query()(`INSERT INTO touched_1m SELECT DISTINCT date_trunc('minute', time) FROM sample`);

    const admin = new Kafka({ brokers: await kafka.brokers(), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topicName(backboneTopics.raw));
    await admin.deleteTopicRecords({
      topic: topicName(backboneTopics.raw),
      partitions: [{ partition: 0, offset: '10' }],
    });
    await admin.disconnect();

    const filter = { ...always, to: (start + batches * 1_000) * 1_000 };
    const running = replay({ config, backbone }, { filter, samplesPerSecond: 300 });
    const more = Array.from({ length: 20 }, (_, n) => batchOf(gateways[n % 5] as Gateway, Date.now() + n));
    await store(more, batches * 2 + more.length * 2);
    const { plan, tally } = await running;
    const [gone] = plan.filter(({ fate }) => fate === 'gone');
    expect(gone).toMatchObject({ partition: 0, batches: 10, fromOffset: 0, toOffset: 9 });
    expect(tally).toMatchObject({ batches: batches - 10, stored: (batches - 10) * 2, absent: 0 });
    expect(tally.leftBehind()).toEqual([]);
    const until = new Date(start + batches * 1_000).toISOString();
    const rows = await query()(`SELECT time, tag, value FROM reading WHERE time < '${until}' ORDER BY 1, 2`);
    expect(rows.filter(({ value }) => value === -1)).toHaveLength(20);
    expect(rows.filter(({ value }, n) => value !== right[n]?.value && value !== -1)).toEqual([]);
    await expectConsistent(query());
    const one = await replay({ config, backbone }, { filter: { ...always, gateway: 'g2' } });
    expect(one.tally.batches + (one.plan.find(({ fate }) => fate === 'gone')?.batches ?? 0)).toBe(batches / 5 + 4);
    await expectConsistent(query());
  }, 60_000);
});
