import { type AckMessage, ackSchema, decodeMessage } from '@fieldline/shared/contracts';
import { createHealth, createMetrics, silentLog, systemClock } from '@fieldline/shared/runtime';
import { describeWith, freePort, mosquitto, waitFor } from '@fieldline/shared/testing';
import { connectAsync } from 'mqtt';
import { expect, test, vi } from 'vitest';
import { createAckPublisher } from '../../src/mqtt/ack-publisher.ts';
import { configFor } from '../bridge/parts.ts';

const ackOf = (gateway: string, at: number): AckMessage => ({
  v: 1,
  gateway,
  incarnation: 'i-1',
  at,
  lagging: false,
  streams: [],
});

function publisherOf(broker: string) {
  const health = createHealth();
  const metrics = createMetrics();
  const { mqtt: config } = configFor(broker);
  const publisher = createAckPublisher({ config, clock: systemClock, log: silentLog, metrics, health });
  return { publisher, metrics, trouble: () => health.ready[0]?.trouble() ?? null };
}

/** What a gateway that subscribes now is told. */
async function retained(url: string, gateway: string): Promise<AckMessage> {
  const client = await connectAsync(url);
  const message = new Promise<Buffer>((resolve) => client.once('message', (_, payload) => resolve(payload)));
  await client.subscribeAsync(`fieldline/${gateway}/ack`, { qos: 1 });
  const ack = decodeMessage(ackSchema, await message, gateway);
  await client.endAsync();
  return ack;
}

describeWith(mosquitto, 'the acknowledgement publisher', () => {
  test('leaves the newest acknowledgement of each gateway with the broker, retained', async () => {
    const broker = await mosquitto.start();
    const { publisher } = publisherOf(broker.url);
    await Promise.all([1, 2, 3].map((at) => publisher.publish(ackOf('gw-1', at))));
    await publisher.publish(ackOf('gw-2', 7));
    expect((await retained(broker.url, 'gw-1')).at).toBe(3);
    expect((await retained(broker.url, 'gw-2')).at).toBe(7);
    await publisher.close();
    await broker.close();
  });

  test('keeps one per gateway while the broker is away, and sends it when it is back', async () => {
    const port = await freePort();
    const url = `mqtt://127.0.0.1:${port}`;
    const { publisher, metrics, trouble } = publisherOf(url);
    const published = Array.from({ length: 1_000 }, (_, at) => publisher.publish(ackOf(`gw-${at % 10}`, at)));
    await waitFor(() => trouble()?.includes('ECONNREFUSED'));
    expect(await metrics.text()).toContain('fieldline_ack_superseded_total 990');
    const broker = await mosquitto.start({ port });
    await Promise.all(published);
    expect(await metrics.text()).toContain('fieldline_ack_published_total 10');
    expect((await retained(url, 'gw-9')).at).toBe(999);
    expect(trouble()).toBeNull();
    await broker.stop();
    const late = publisher.publish(ackOf('gw-1', 5_000));
    await broker.start();
    await late;
    expect((await retained(url, 'gw-1')).at).toBe(5_000);
    await publisher.close();
    await broker.close();
  });

  test('leaves nothing behind of an acknowledgement that the broker has, however long the session', async () => {
    const broker = await mosquitto.start();
    const { publisher } = publisherOf(broker.url);
    await publisher.publish(ackOf('gw-1', 0));
    const listening = vi.spyOn(AbortSignal.prototype, 'addEventListener');
    for (let at = 1; at <= 100; at++) await publisher.publish(ackOf('gw-1', at));
    expect(listening.mock.calls.length).toBeLessThan(10);
    listening.mockRestore();
    await publisher.close();
    await broker.close();
  });

  test('sends what waits before it closes, and closes without a broker too', async () => {
    const broker = await mosquitto.start();
    const { publisher, trouble } = publisherOf(broker.url);
    await waitFor(() => trouble() === null);
    const all = Array.from({ length: 200 }, (_, n) => publisher.publish(ackOf(`gw-${n}`, n)));
    await publisher.close();
    await Promise.all(all);
    expect((await retained(broker.url, 'gw-199')).at).toBe(199);
    await broker.close();
    const lonely = publisherOf(broker.url);
    const waiting = lonely.publisher.publish(ackOf('gw-1', 1));
    await lonely.publisher.close();
    await lonely.publisher.close();
    await waiting;
  });
});
