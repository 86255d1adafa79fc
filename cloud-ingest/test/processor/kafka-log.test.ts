/** Topics that change under a processor: deleted and made again, widened. */
import { backboneTopics } from '@fieldline/shared/contracts';
import { describeWith, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type KafkaLine, kafkaConf, openKafkaLine } from './kafka-line.ts';
import { Gateway, goodSample, type Sent, tagOf } from './line.ts';

describeWith(kafka, 'the processor on Kafka', () => {
  let server: OwnKafka;
  let line: KafkaLine;
  beforeAll(async () => {
    server = await startKafka({ conf: kafkaConf });
  }, 90_000);
  afterAll(() => server.close(), 60_000);
  beforeEach(async () => {
    line = await openKafkaLine(server.broker);
  }, 90_000);
  afterEach(() => line.close(), 30_000);

  const gateways = ['g1', 'g2', 'g3', 'g4', 'g5', 'g6'];
  const fleet = (): Gateway[] => gateways.map((id) => new Gateway(id));
  const round = (from: readonly Gateway[], value: number): Sent[] =>
    from.map((gateway) => gateway.batch([goodSample(tagOf('a'), value), goodSample(tagOf('b'), value)]));
  const rows = () =>
    line.query('SELECT count(*)::int AS n, count(DISTINCT (series_id, value))::int AS different FROM sample');
  const anomalies = () =>
    line.query<{ kind: string; partition: number }>(
      `SELECT DISTINCT kind, (details ->> 'partition')::int AS partition FROM anomaly ORDER BY 2`,
    );
  const remadeIn = (partitions: readonly number[]) =>
    partitions.map((partition) => ({ kind: 'backbone-remade', partition }));

  test('reads a topic that was made again while it was away, and is longer than before, from its beginning', async () => {
    const from = fleet();
    const first = round(from, 1);
    await line.send(...first, ...round(from, 2));
    const processor = await line.start();
    await line.settled();
    await processor.close();
    await line.remakeTopic();
    // Some that are stored come again, as after a broker was restarted.
    await line.send(...round(from, 3), ...first);
    for (let value = 4; value <= 12; value++) await line.send(...round(from, value));
    await line.start();
    await line.settled();
    expect(await rows()).toEqual([{ n: 12 * 12, different: 12 * 12 }]);
    expect(await anomalies()).toEqual(remadeIn([0, 1, 2]));
  });

  test('notices a topic that is made again while it reads, and goes on by itself', async () => {
    const from = fleet();
    await line.start();
    await line.send(...round(from, 1), ...round(from, 2));
    await line.settled();
    await line.remakeTopic();
    for (let value = 3; value <= 12; value++) await line.send(...round(from, value));
    await line.settled();
    await waitFor(async () => (await anomalies()).length === 3, { what: 'the anomalies' });
    expect(await rows()).toEqual([{ n: 12 * 12, different: 12 * 12 }]);
    expect(await anomalies()).toEqual(remadeIn([0, 1, 2]));
  });

  test('declares what retention took before it was read, once, and goes on with the oldest record', async () => {
    const from = fleet();
    await line.send(...round(from, 1));
    const processor = await line.start();
    await line.settled();
    await processor.close();
    for (let value = 2; value <= 5; value++) await line.send(...round(from, value));
    const bounds = await line.backbone.bounds(backboneTopics.raw);
    const stored = new Map(bounds.map(({ partition, next }) => [partition, next / 5]));
    await line.forget(bounds.map(({ partition, next }) => ({ partition, offset: (next / 5) * 3 })));
    for (let start = 0; start < 2; start++) {
      const again = await line.start();
      await line.settled();
      await again.close();
    }
    expect(await rows()).toEqual([{ n: 3 * 12, different: 3 * 12 }]);
    const found = await line.query(
      `SELECT kind, (details ->> 'partition')::int AS partition, (details ->> 'from')::int AS "from", (details ->> 'to')::int AS "to"
       FROM anomaly ORDER BY 2`,
    );
    expect(found).toEqual(
      bounds.map(({ partition }) => ({
        kind: 'backbone-gap',
        partition,
        from: stored.get(partition),
        to: (stored.get(partition) ?? 0) * 3 - 1,
      })),
    );
  });

  test('says nothing of an idle topic that retention has emptied', async () => {
    const from = fleet();
    await line.send(...round(from, 1));
    const processor = await line.start();
    await line.settled();
    await processor.close();
    const bounds = await line.backbone.bounds(backboneTopics.raw);
    await line.forget(bounds.map(({ partition, next }) => ({ partition, offset: next })));
    await line.start();
    await line.send(...round(from, 2));
    await line.settled();
    expect(await rows()).toEqual([{ n: 2 * 12, different: 2 * 12 }]);
    expect(await anomalies()).toEqual([]);
  });

  test('reads partitions that are added, from their first record; keys go to them without a restart', async () => {
    const from = fleet();
    await line.start();
    await line.send(...round(from, 1));
    await line.settled();
    await line.admin.createPartitions({ topicPartitions: [{ topic: backboneTopics.raw, count: 12 }] });
    let value = 1;
    const used = async (): Promise<number> =>
      (await line.backbone.bounds(backboneTopics.raw)).filter(({ next }) => next > 0).length;
    const before = await used();
    await waitFor(
      async () => {
        value += 1;
        await line.send(...round(from, value));
        return (await used()) > before;
      },
      { what: 'records in the partitions that are new' },
    );
    await line.send(...round(from, value + 1));
    await line.settled();
    const n = (value + 1) * 12;
    expect(await rows()).toEqual([{ n, different: n }]);
    expect(await anomalies()).toEqual([]);
  }, 60_000);
});
