/** Databases that are put back from a backup or emptied, with the log as it was, and without. */
import { type AckMessage, ackSchema, backboneTopics, decodeMessage } from '@fieldline/shared/contracts';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import {
  administer,
  requirePostgres,
  startAedes,
  type TestAedes,
  temporaryFolder,
  waitFor,
} from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAckPublisher } from '../../src/mqtt/ack-publisher.ts';
import { startProcessor } from '../../src/processor/processor.ts';
import { migrate } from '../../src/store/migrate.ts';
import { configFor, Gateway, goodSample, type Line, openBackbone, openLine, recordOf, tagOf } from './line.ts';

const backUp = (url: string) => administer(url, (name) => [`CREATE DATABASE ${name}_backup TEMPLATE ${name}`]);
const restore = (url: string) =>
  administer(url, (name) => [`DROP DATABASE ${name} WITH (FORCE)`, `CREATE DATABASE ${name} TEMPLATE ${name}_backup`]);
const dropBackup = (url: string) => administer(url, (name) => [`DROP DATABASE IF EXISTS ${name}_backup`]);
const empty = (url: string) =>
  administer(url, (name) => [`DROP DATABASE ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`]);

describe('a database that is not what it was', () => {
  let line: Line;
  beforeEach(async () => {
    line = await openLine(await requirePostgres());
  });
  afterEach(async () => {
    await dropBackup(line.config.database.url);
    await line.close();
  });

  const ids = ['g1', 'g2', 'g3'];
  const fleet = (): Gateway[] => ids.map((id) => new Gateway(id));
  let value = 0;
  const expected: string[] = [];
  beforeEach(() => {
    value = 0;
    expected.length = 0;
  });
  /** A batch of each, of the tags named. */
  const round = (gateways: readonly Gateway[], ...tags: readonly string[]) =>
    gateways.map((gateway) =>
      gateway.batch(
        tags.map((tag) => {
          value += 1;
          expected.push(`${gateway.gateway} ${tag} ${value}`);
          return goodSample(tagOf(tag), value);
        }),
      ),
    );
  const readings = async (): Promise<string[]> =>
    (await line.query<{ text: string }>(`SELECT concat_ws(' ', gateway, tag, value) AS text FROM reading`)).map(
      ({ text }) => text,
    );
  const incarnation = async () => (await line.query<{ id: string }>('SELECT id FROM incarnation'))[0]?.id;
  const restoredAnomalies = () => line.query(`SELECT gateway FROM anomaly WHERE kind = 'database-restored'`);
  /** The first part is what the database itself holds. */
  const idOf = (ack: AckMessage | undefined) => ack?.incarnation.split(':')[0];

  async function expectAllOnce(): Promise<void> {
    expect((await readings()).sort()).toEqual([...expected].sort());
    const [ledger] = await line.query<{ ranges: number }>(
      `SELECT max((SELECT count(*) FROM unnest(committed)))::int AS ranges FROM stream`,
    );
    expect(ledger).toEqual({ ranges: 1 });
  }

  test('put back while a processor runs: it is noticed, every gateway is told, and what the log has is read again', async () => {
    const gateways = fleet();
    const first = await line.start();
    await line.send(...round(gateways, 'a'));
    await line.settled();
    await first.close();
    await backUp(line.config.database.url);
    const before = await incarnation();
    await line.start();
    // Series and a gateway that the backup does not know: their numbers are given to others later.
    const late = new Gateway('g4');
    await line.send(...round([...gateways, late], 'b', 'c'), ...round(gateways, 'a'));
    await line.settled();
    await restore(line.config.database.url);
    await line.send(...round(gateways.toReversed(), 'd', 'e', 'b'));
    await line.settled();
    await expectAllOnce();
    expect(await incarnation()).not.toBe(before);
    expect(await restoredAnomalies()).toHaveLength(1);
    await waitFor(async () => {
      const id = await incarnation();
      return [...ids, 'g4'].every((gateway) => idOf(line.acks.findLast((ack) => ack.gateway === gateway)) === id);
    });
  });

  test('put back while nothing comes: it is noticed all the same', async () => {
    const gateways = fleet();
    const first = await line.start();
    await line.send(...round(gateways, 'a'));
    await line.settled();
    await first.close();
    await backUp(line.config.database.url);
    await line.start();
    await line.send(...round(gateways, 'a', 'b'));
    await line.settled();
    await restore(line.config.database.url);
    await waitFor(async () => (await restoredAnomalies()).length === 1);
    await line.settled();
    await expectAllOnce();
  });

  test('emptied: it is another one, and all that the log has comes again', async () => {
    const gateways = fleet();
    const first = await line.start();
    await line.send(...round(gateways, 'a', 'b'), ...round(gateways, 'a'));
    await line.settled();
    await first.close();
    const before = idOf(line.acks.at(-1));
    await empty(line.config.database.url);
    await migrate(line.config.database, silentLog);
    await line.start();
    await line.settled();
    await expectAllOnce();
    await waitFor(() => ids.every((id) => idOf(line.acks.findLast((ack) => ack.gateway === id)) !== before));
  });

  describe('while no processor runs', () => {
    let broker: TestAedes;
    beforeEach(async () => {
      broker = await startAedes();
    });
    afterEach(() => broker.close());

    /** A processor that acknowledges over the broker, as the program has it. */
    async function start(backbone = line.backbone) {
      const parts = { clock: systemClock, log: silentLog, metrics: createMetrics(), health: createHealth() };
      const config = { ...line.config, mqtt: { ...line.config.mqtt, broker: broker.url } };
      const publisher = createAckPublisher({ config: config.mqtt, ...parts });
      const { publish: acknowledge, retained } = publisher;
      const processor = await startProcessor({ config, backbone, acknowledge, retained, ...parts });
      return async () => {
        await processor.close();
        await publisher.close();
      };
    }
    /** What a gateway finds at the broker. */
    async function acknowledged(gateway: string): Promise<AckMessage> {
      const client = await connectAsync(broker.url);
      const message = new Promise<Buffer>((resolve) => client.once('message', (_, payload) => resolve(payload)));
      await client.subscribeAsync(`fieldline/${gateway}/ack`, { qos: 1 });
      const ack = decodeMessage(ackSchema, await message, gateway);
      await client.endAsync();
      return ack;
    }
    const acknowledgedAll = (gateways: readonly Gateway[]) => async (): Promise<boolean> => {
      for (const { gateway, stream, lastSeq } of gateways) {
        const { streams } = await acknowledged(gateway);
        if (streams.find((each) => each.stream === stream)?.committed.at(-1)?.[1] !== lastSeq) return false;
      }
      return true;
    };

    test('put back, and the log lost with it: the acknowledgements at the broker tell, and every gateway is told', async () => {
      const gateways = fleet();
      const stop = await start();
      await line.send(...round(gateways, 'a'));
      await line.settled();
      await waitFor(acknowledgedAll(gateways));
      await stop();
      await backUp(line.config.database.url);
      const before = await incarnation();
      // A program that is stopped and started is no other database.
      const stopSecond = await start();
      const [busy] = gateways as [Gateway];
      const more = round([busy], 'a', 'b');
      await line.send(...more);
      await line.settled();
      await waitFor(acknowledgedAll([busy]));
      await stopSecond();
      expect(await incarnation()).toBe(before);
      await restore(line.config.database.url);
      const other = openBackbone(configFor(line.config.database.url, temporaryFolder()));
      await other.ensureTopic(backboneTopics.raw);
      const stopThird = await start(other);
      await waitFor(async () => (await incarnation()) !== before, { what: 'another incarnation' });
      for (const { gateway } of gateways) {
        const ack = await waitFor(async () => {
          const found = await acknowledged(gateway);
          return idOf(found) === (await incarnation()) ? found : null;
        });
        expect(ack.streams.map(({ committed }) => committed)).toEqual([[[1, 1]]]);
      }
      expect(await restoredAnomalies()).toHaveLength(1);
      // What the gateway kept comes again, and is not there twice.
      await other.append(backboneTopics.raw, [...more, ...more].map(recordOf));
      await waitFor(acknowledgedAll([busy]));
      await expectAllOnce();
      await stopThird();
      await other.close();
    });
  });
});
