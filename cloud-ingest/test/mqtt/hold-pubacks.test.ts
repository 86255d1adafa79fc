/** The seam in the MQTT library that the bridge stands on. When an update closes it, this says so. */
import { describeWith, mosquitto, startAedes, waitFor } from '@fieldline/shared/testing';
import { connect, connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { describe, expect, test } from 'vitest';
import { holdPubacks } from '../../src/mqtt/hold-pubacks.ts';
import { tap } from './tap.ts';

async function holdAndSend(brokerPort: number, protocolVersion: 4 | 5): Promise<void> {
  const wire = await tap(brokerPort);
  const client: MqttClient = connect(wire.url, { protocolVersion, manualConnect: true, reconnectPeriod: 0 });
  const pubacks = holdPubacks(client);
  const received: IPublishPacket[] = [];
  client.handleMessage = (packet, done) => {
    received.push(packet);
    done();
  };
  const connected = new Promise((resolve) => client.once('connect', resolve));
  client.connect();
  await connected;
  await client.subscribeAsync('held', { qos: 1 });
  const publisher = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { protocolVersion: 4 });
  for (let n = 1; n <= 10; n++) await publisher.publishAsync('held', String(n), { qos: 1 });
  // All are read, one after the other, though none of them is acknowledged.
  await waitFor(() => received.length === 10);
  expect(wire.acknowledged()).toEqual([]);
  const ids = received.map(({ messageId }) => messageId ?? 0);
  pubacks.send(ids.slice(0, 1));
  pubacks.send(ids.slice(1));
  await waitFor(() => wire.acknowledged().length === 10);
  expect(wire.acknowledged()).toEqual(ids);
  expect(wire.acknowledged()).toEqual(wire.delivered());
  wire.cut();
  await waitFor(() => !client.connected);
  // An ended connection takes no PUBACK, and does not keep it for a later one.
  pubacks.send(ids);
  await publisher.endAsync();
  await client.endAsync(true);
  await wire.close();
}

describeWith(mosquitto, 'held PUBACKs, with Mosquitto', () => {
  test.each([4, 5] as const)('MQTT version %d: nothing is sent until we say, then in our order', async (version) => {
    const broker = await mosquitto.start();
    await holdAndSend(broker.port, version);
    await broker.close();
  });
});

describe('held PUBACKs, with aedes', () => {
  test('nothing is sent until we say, then in our order', async () => {
    const broker = await startAedes();
    await holdAndSend(broker.port, 4);
    await broker.close();
  });
});
