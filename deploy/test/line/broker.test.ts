import { describeWith, kafka, mosquitto, startKafka, type TestMosquitto, waitFor } from '@fieldline/shared/testing';
import { afterEach, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

const backbones = [
  { name: 'the embedded log', requirements: [mosquitto], start: async () => null },
  { name: 'Apache Kafka', requirements: [mosquitto, kafka], start: startKafka },
] as const;

for (const backbone of backbones) {
  describeWith(backbone.requirements, `a broker that goes away under load, before ${backbone.name}`, () => {
    const closers: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    async function start(): Promise<{ broker: TestMosquitto; line: Line }> {
      const broker = await mosquitto.start();
      closers.push(broker.close);
      const server = await backbone.start();
      if (server !== null) closers.push(server.close);
      const line = await startLine({ brokerUrl: broker.url, ...(server === null ? {} : { kafka: server.broker }) });
      closers.push(line.close);
      await line.flows();
      return { broker, line };
    }

    /** So many samples were read while the broker was away: 20 s of the test plant and more. */
    const readOn = async (line: Line, seconds: number): Promise<void> => {
      const until = line.served.length + seconds * 50;
      await waitFor(() => line.served.length > until, { timeoutMs: seconds * 3_000, what: `${seconds} s of readings` });
    };

    it('stopped for 20 s and started again: nothing missing, nothing doubled', async () => {
      const { broker, line } = await start();
      await broker.stop();
      await readOn(line, 20);
      expect(await line.agent.metric('fieldline_journal_unconfirmed_batches')).toBeGreaterThan(20);
      await broker.start();
      await line.flows(500);
      await line.settle();
      await expectAllStored(line);
    }, 180_000);

    it('killed with its state deleted: the database had not confirmed, so the agent sends again', async () => {
      const { broker, line } = await start();
      // What Mosquitto has acknowledged to the agent dies with it, because nobody takes it out.
      await line.ingest.kill();
      const published = await line.agent.metric('fieldline_uplink_batches_published_total');
      await waitFor(async () => (await line.agent.metric('fieldline_uplink_batches_published_total')) > published + 6, {
        timeoutMs: 30_000,
        what: 'batches that only the broker has',
      });
      await broker.kill();
      broker.wipe();
      await broker.start();
      await line.ingest.start();
      await line.flows(500);
      await line.settle();
      await expectAllStored(line);
    }, 180_000);
  });
}
