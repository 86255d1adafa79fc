import { describeWith, kafka, mosquitto, startKafka, waitFor } from '@fieldline/shared/testing';
import { afterEach, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { startLine } from './line.ts';

describeWith([kafka, mosquitto], 'Apache Kafka as the backbone', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  it('the processor killed five times in the middle of batches: nothing missing, nothing doubled', async () => {
    const server = await startKafka();
    closers.push(server.close);
    const broker = await mosquitto.start();
    closers.push(broker.close);
    const line = await startLine({ brokerUrl: broker.url, kafka: server.broker });
    closers.push(line.close);
    await line.flows();
    for (let kill = 0; kill < 5; kill++) {
      await waitFor(
        () =>
          line.query('SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = $1', [
            'idle in transaction',
          ]),
        {
          what: 'a transaction under way',
        },
      );
      await line.ingest.kill();
      await line.ingest.start();
      await line.flows();
    }
    await line.settle();
    await expectAllStored(line);
    const [offset] = await line.query<{ next: number }>(
      'SELECT sum(next_offset)::int AS next FROM fieldline.source_offset',
    );
    expect(offset?.next).toBeGreaterThan(10);
  }, 240_000);
});
