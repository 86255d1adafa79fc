/** The seam in the MQTT library that the bridge stands on. When an update closes it, this says so. */
import { createServer } from 'node:net';
import { listen } from '@fieldline/shared/runtime';
import { describeWith, mosquitto, startAedes, waitFor } from '@fieldline/shared/testing';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, test } from 'vitest';
import type { Publish } from '../../src/mqtt/packets.ts';
import { takePublishes } from '../../src/mqtt/take-publishes.ts';
import { tap } from './tap.ts';

type Version = 4 | 5;

function taking(url: string, protocolVersion: Version) {
  const client: MqttClient = connect(url, { protocolVersion, manualConnect: true, reconnectPeriod: 0 });
  const seenByLibrary: string[] = [];
  client.on('packetreceive', ({ cmd }) => seenByLibrary.push(cmd));
  const received: Publish[] = [];
  let most = Number.POSITIVE_INFINITY;
  let wake = (): void => {};
  const connected = new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
  });
  client.connect();
  const pubacks = takePublishes(client, {
    onPublish: (publish) => received.push(publish),
    hasRoom: () => received.length < most,
    untilRoom: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
        client.once('close', () => resolve());
      }),
  });
  return {
    client,
    pubacks,
    received,
    seenByLibrary,
    connected,
    allow: (messages: number): void => {
      most = messages;
      wake();
    },
  };
}

async function holdAndSend(brokerPort: number, protocolVersion: Version): Promise<void> {
  const wire = await tap(brokerPort);
  const { client, pubacks, received, seenByLibrary, connected, allow } = taking(wire.url, protocolVersion);
  await connected;
  await client.subscribeAsync('held', { qos: 1 });
  allow(3);
  const publisher = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { protocolVersion: 4 });
  for (let n = 1; n <= 10; n++) await publisher.publishAsync('held', String(n), { qos: 1 });
  await waitFor(() => wire.delivered().length === 10 && received.length >= 3);
  expect(received).toHaveLength(3);
  allow(10);
  // All are read, one after the other, though none of them is acknowledged.
  await waitFor(() => received.length === 10);
  expect(received.map(({ payload }) => payload.toString())).toEqual(
    Array.from({ length: 10 }, (_, n) => String(n + 1)),
  );
  expect(wire.acknowledged()).toEqual([]);
  const ids = received.map(({ messageId }) => messageId ?? 0);
  pubacks.send(ids.slice(0, 1));
  pubacks.send(ids.slice(1));
  await waitFor(() => wire.acknowledged().length === 10);
  expect(wire.acknowledged()).toEqual(ids);
  expect(wire.acknowledged()).toEqual(wire.delivered());
  // The library has what is no message, and no message.
  expect(seenByLibrary).toContain('suback');
  expect(seenByLibrary).not.toContain('publish');
  wire.cut();
  await waitFor(() => !client.connected);
  // An ended connection takes no PUBACK, and does not keep it for a later one.
  pubacks.send(ids);
  await publisher.endAsync();
  await client.endAsync(true);
  await wire.close();
}

describeWith(mosquitto, 'messages taken before the library, with Mosquitto', () => {
  test.each([4, 5] as const)(
    'MQTT version %d: as many as we have room for, acknowledged when we say',
    async (version) => {
      const broker = await mosquitto.start();
      await holdAndSend(broker.port, version);
      await broker.close();
    },
  );
});

describe('messages taken before the library', () => {
  test('with aedes: as many as we have room for, acknowledged when we say', async () => {
    const broker = await startAedes();
    await holdAndSend(broker.port, 4);
    await broker.close();
  });

  test('a packet that no broker may send ends the connection, and is said', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from('20020000', 'hex'));
        socket.write(Buffer.from('3406000161000178', 'hex'));
      });
      socket.on('error', () => {});
    });
    await listen(server, { host: '127.0.0.1', port: 0 });
    const address = server.address();
    const { client, received } = taking(`mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, 4);
    const errors: string[] = [];
    client.on('error', ({ message }) => errors.push(message));
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
    expect(errors).toEqual(['a message has QoS 2, and at most 1 was subscribed']);
    expect(received).toEqual([]);
    await client.endAsync(true);
    server.close();
  });

  test('a library that reads its stream in another way is refused at once', async () => {
    const server = createServer((socket) => socket.on('error', () => {}));
    await listen(server, { host: '127.0.0.1', port: 0 });
    const address = server.address();
    const client = connect(`mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, {
      manualConnect: true,
    });
    client.connect();
    client.stream.on('data', () => {});
    const handlers = { onPublish: () => {}, hasRoom: () => true, untilRoom: async () => {} };
    expect(() => takePublishes(client, handlers)).toThrow('does not read its stream by one pipe');
    await client.endAsync(true);
    server.close();
  });
});
