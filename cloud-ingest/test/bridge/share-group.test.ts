/** Bridges of one share group, with a real Mosquitto. */
import { describeWith, mosquitto, type TestMosquitto, waitFor } from '@fieldline/shared/testing';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tap } from '../mqtt/tap.ts';
import { bridgeWith, configFor, memoryBackbone, publisher } from './parts.ts';

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

describeWith(mosquitto, 'bridges of a share group', () => {
  let broker: TestMosquitto;
  let client: MqttClient;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    broker = await mosquitto.start();
    client = await publisher(broker.url);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await client.endAsync(true);
    await broker.close();
  });

  async function join(clientId: string, mqtt: Record<string, unknown> = {}, url = broker.url) {
    const memory = memoryBackbone();
    const config = configFor(url, { shareGroup: 'ingest', clientId, probeEveryMs: 50, ...mqtt });
    const started = bridgeWith(memory.backbone, config);
    closing.push(() => started.bridge.close());
    await waitFor(() => started.trouble() === null, { what: `${clientId} to be subscribed` });
    return { ...memory, ...started };
  }

  const publish = async (texts: readonly string[]): Promise<void> => {
    await Promise.all(texts.map((text) => client.publishAsync('fieldline/gw-1/batch', text, { qos: 1 })));
  };
  const sorted = (members: readonly { texts: () => string[] }[]): string[] =>
    members.flatMap(({ texts }) => texts()).sort((a, b) => Number(a) - Number(b));

  for (const protocol of ['3.1.1', '5']) {
    test(`MQTT ${protocol}: three divide the work, each message goes to one of them, and none is taken for deaf`, async () => {
      const members = [
        await join('one', { protocol }),
        await join('two', { protocol }),
        await join('three', { protocol }),
      ];
      await publish(numbers(1, 300));
      await waitFor(() => members.reduce((sum, { records }) => sum + records.length, 0) >= 300);
      expect(sorted(members)).toEqual(numbers(1, 300));
      for (const { records, metrics, trouble } of members) {
        expect(records.length).toBeGreaterThan(50);
        await waitFor(async () => (await metrics.text()).includes('\nfieldline_bridge_watched 1\n'));
        expect(trouble()).toBeNull();
        expect(await metrics.text()).toContain('\nfieldline_bridge_deaf_total 0\n');
      }
    });
  }

  test('one that stops in order leaves all to the others: nothing waits for it at the broker', async () => {
    const [one, two] = [await join('one'), await join('two')];
    const publishing = publish(numbers(1, 500));
    await waitFor(() => one.records.length > 0);
    await one.bridge.close();
    await publishing;
    await publish(numbers(501, 1_000));
    await waitFor(() => one.records.length + two.records.length >= 1_000);
    expect(sorted([one, two])).toEqual(numbers(1, 1_000));
  });

  test('one that dies in the middle keeps what it was given until it is back; the other goes on meanwhile', async () => {
    const wire = await tap(broker.port);
    closing.push(wire.close);
    const [dying, other] = [await join('dying', {}, wire.url), await join('other')];
    dying.hold();
    await publish(numbers(1, 100));
    await waitFor(() => wire.inFlight() >= 50 && other.records.length >= 50);
    // Another session of its client id ends this one, as a new process after SIGKILL would.
    const again = await join('dying');
    await publish(numbers(101, 200));
    await waitFor(() => other.records.length + again.records.length >= 200);
    expect(sorted([other, again])).toEqual(numbers(1, 200));
    expect(dying.records).toHaveLength(0);
    dying.release();
  });

  test('the subscription works after a restart of the broker, whose sessions it kept (Mosquitto 2.0.11 loses it)', async () => {
    const members = [await join('one'), await join('two')];
    await publish(numbers(1, 20));
    await waitFor(() => sorted(members).length === 20);
    await broker.stop();
    // Whoever has not noticed yet that the broker was away still says that all is well.
    await waitFor(() => !client.connected && members.every(({ trouble }) => trouble() !== null));
    await broker.start();
    await waitFor(() => client.connected && members.every(({ trouble }) => trouble() === null));
    await publish(numbers(21, 120));
    await waitFor(() => sorted(members).length === 120);
    for (const { records } of members) expect(records.length).toBeGreaterThan(10);
  });
});
