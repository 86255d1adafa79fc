import { describeWith, kafka, mosquitto, startKafka, type TestMosquitto, waitFor } from '@fieldline/shared/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAllStored } from './expect-all-stored.ts';
import { type Line, startLine } from './line.ts';

const backbones = [
  // What the agent does in the meantime is the same before each backbone: it does it for longer once.
  { name: 'the embedded log', requirements: [mosquitto], start: async () => null, awaySeconds: 8 },
  { name: 'Apache Kafka', requirements: [mosquitto, kafka], start: startKafka, awaySeconds: 20 },
] as const;

for (const { name, requirements, start, awaySeconds } of backbones) {
  describeWith(requirements, `a broker that goes away under load, before ${name}`, () => {
    const closers: (() => Promise<void>)[] = [];
    let broker: TestMosquitto;
    let line: Line;

    beforeAll(async () => {
      broker = await mosquitto.start();
      closers.push(broker.close);
      const server = await start();
      if (server !== null) closers.push(server.close);
      line = await startLine({ brokerUrl: broker.url, ...(server === null ? {} : { kafka: server.broker }) });
      closers.push(line.close);
      await line.flows();
    }, 180_000);
    afterAll(async () => {
      for (const close of closers.reverse()) await close();
    });

    it(`stopped for ${awaySeconds} s and started again: the agent keeps what it reads, and the flow resumes`, async () => {
      await broker.stop();
      // So many samples does the test plant serve in that time, and more.
      const until = line.served.length + awaySeconds * 50;
      await waitFor(() => line.served.length > until, {
        timeoutMs: awaySeconds * 5_000,
        what: `${awaySeconds} s of readings`,
      });
      expect(await line.agent.metric('fieldline_journal_unconfirmed_batches')).toBeGreaterThan(awaySeconds);
      await broker.start();
      await line.flows(awaySeconds * 25);
    }, 180_000);

    it('killed with its state deleted: the database had not confirmed, so the agent sends again', async () => {
      // What Mosquitto has acknowledged to the agent dies with it, because nobody takes it out.
      await line.ingest.kill();
      const published = await line.agent.metric('fieldline_uplink_batches_published_total');
      await waitFor(async () => (await line.agent.metric('fieldline_uplink_batches_published_total')) > published + 6, {
        timeoutMs: 60_000,
        what: 'batches that only the broker has',
      });
      await broker.kill();
      broker.wipe();
      await broker.start();
      await line.ingest.start();
      // Its last session may have been a short one, so that it waits longer; what flows until then comes out of the backbone.
      await waitFor(() => line.agent.metric('fieldline_uplink_connected'), {
        timeoutMs: 90_000,
        what: 'the agent to come back',
      });
      await line.flows(300);
      // What died with the broker is asked for and sent again, which an agent that is being stopped has not always the time for.
      await waitFor(
        async () =>
          (await line.query(`SELECT FROM fieldline.stream WHERE (SELECT count(*) FROM unnest(committed)) > 1`))
            .length === 0,
        { timeoutMs: 60_000, what: 'the holes to be filled' },
      );
    }, 180_000);

    it('has neither lost nor doubled anything by it', async () => {
      await line.settle();
      await expectAllStored(line);
    }, 180_000);
  });
}
