/**
 * mqtt.js reads the next message only when the last one is handled, and acknowledges it then: one message per round trip to the
 * backbone, and most of a bridge's time. Here messages are taken out of the bytes of a connection before the library sees
 * them, and acknowledged when we say, many in one write. The library keeps the session: handshake, subscriptions, pings, and
 * whatever else is no message.
 *
 * The seam is that the library reads its stream by one `pipe` (mqtt 5.16): what is no message goes on to the listener of it. A
 * test notices an update that closes it.
 */
import type { MqttClient } from 'mqtt';
import { createPacketReader, type Publish } from './packets.ts';

export type PublishHandlers = {
  readonly onPublish: (publish: Publish) => void;
  /** Whether another message may come; where not, reading stops, and with it the broker, by TCP. */
  readonly hasRoom: () => boolean;
  /** Resolves when there may be room, or when the connection has ended. */
  readonly untilRoom: () => Promise<void>;
};

export type Pubacks = {
  /** Sends the PUBACKs of messages of this connection, in this order; nothing when it has ended. */
  readonly send: (messageIds: readonly number[]) => void;
};

const pubackHeader = 0x4002;
const pubackBytes = 4;

/** Right after the client was told to connect, so that nothing has come yet. */
export function takePublishes(client: MqttClient, { onPublish, hasRoom, untilRoom }: PublishHandlers): Pubacks {
  const { stream } = client;
  const [feed, ...others] = stream.listeners('data');
  if (feed === undefined || others.length > 0) throw new Error('this mqtt.js does not read its stream by one pipe');
  stream.removeAllListeners('data');
  const reader = createPacketReader(client.options.protocolVersion === 5, {
    onPublish,
    hasRoom,
    onOther: (packet) => Reflect.apply(feed, stream, [packet]),
  });
  let isWaiting = false;

  function go(read: () => void): void {
    try {
      read();
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async function wait(): Promise<void> {
    isWaiting = true;
    while (!hasRoom() && !stream.destroyed) {
      stream.pause();
      await untilRoom();
      if (!stream.destroyed) go(reader.resume);
    }
    isWaiting = false;
    if (!stream.destroyed) stream.resume();
  }

  stream.on('data', (chunk: Buffer) => {
    go(() => reader.push(chunk));
    if (isWaiting) stream.pause();
    else if (!hasRoom()) void wait();
  });
  return {
    send: (messageIds) => {
      if (client.connected && messageIds.length > 0) stream.write(pubackPackets(messageIds));
    },
  };
}

/** MQTT 3.1.1 and 5, 3.4: type, remaining length, packet id. MQTT 5 reads success where no reason is given. */
function pubackPackets(messageIds: readonly number[]): Buffer {
  const packets = Buffer.allocUnsafe(messageIds.length * pubackBytes);
  for (const [index, messageId] of messageIds.entries()) {
    packets.writeUInt16BE(pubackHeader, index * pubackBytes);
    packets.writeUInt16BE(messageId, index * pubackBytes + 2);
  }
  return packets;
}
