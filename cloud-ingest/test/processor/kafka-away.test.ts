/** What readiness and metrics of a processor say while Kafka is away. */
import { createHealth, createMetrics, report } from '@fieldline/shared/runtime';
import { describeWith, kafka, type OwnKafka, startKafka, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backbone } from '../../src/backbone/backbone.ts';
import type { Processor } from '../../src/processor/processor.ts';
import { type KafkaLine, kafkaConf, openBackbone, openKafkaLine, times } from './kafka-line.ts';
import { Gateway, goodSample, tagOf } from './line.ts';
import { startQuietProcessor } from './quiet-processor.ts';

describeWith(kafka, 'the processor whose Kafka is killed', () => {
  let server: OwnKafka;
  let line: KafkaLine;
  let backbone: Backbone;
  let processor: Processor;
  const health = createHealth();
  const metrics = createMetrics();

  beforeAll(async () => {
    server = await startKafka({ conf: kafkaConf });
    line = await openKafkaLine(server.broker);
    backbone = openBackbone(line.config, { ...times, stallMs: 3_000 });
    processor = await startQuietProcessor(line.config, backbone, { health, metrics });
  }, 90_000);
  afterAll(async () => {
    await processor.close();
    await backbone.close();
    await line.close();
    await server.close();
  }, 60_000);

  const trouble = (): string => report(health.ready).troubles['processor-fetch'] ?? '';
  const metric = async (name: string): Promise<string | undefined> =>
    new RegExp(`^${name} (.*)$`, 'm').exec(await metrics.text())?.[1];
  const lag = () => metric('fieldline_processor_lag_records');
  const reachable = () => metric('fieldline_processor_backbone_reachable');

  test('says so in its readiness, with the broker and since when, knows no lag, and is ready again by itself', async () => {
    const gateway = new Gateway();
    await line.send(gateway.batch([goodSample(tagOf('a'), 1)]));
    await line.settled();
    await waitFor(async () => (await lag()) === '0' && (await reachable()) === '1', { what: 'the lag to be known' });
    expect(trouble()).toBe('');

    const killedAt = Date.now();
    await server.kill();
    await waitFor(() => trouble() !== '', { what: 'the trouble' });
    const said = new RegExp(`has not answered since ([^ ]+Z): .*${server.broker}.*backbone.brokers`).exec(trouble());
    expect(trouble()).toMatch(said?.[0] ?? 'a trouble with broker and instant');
    expect(Math.abs(Date.parse(said?.[1] ?? '') - killedAt)).toBeLessThan(5_000);
    await waitFor(async () => (await lag()) === undefined && (await reachable()) === '0', {
      what: 'the lag to be unknown',
    });

    await server.start();
    // Nothing is sent: an idle log is as good as any.
    await waitFor(() => trouble() === '', { timeoutMs: 60_000, what: 'no trouble' });
    await waitFor(async () => (await lag()) === '0' && (await reachable()) === '1', {
      what: 'the lag to be known again',
    });
    await line.send(gateway.batch([goodSample(tagOf('a'), 2)]));
    await line.settled();
    expect(trouble()).toBe('');
  }, 180_000);
});
