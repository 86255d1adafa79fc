/**
 * mqtt.js sends PUBACK as soon as the handler of a message calls back, and reads the next message only then: one message per
 * round trip to the backbone. Here the handler calls back at once, and the PUBACK packets are held where the library sends
 * them (`_sendPacket`, private, mqtt 5.16), until we say; then those of many messages go out in one write. A test notices an
 * update that closes this seam.
 */
import type { MqttClient, Packet } from 'mqtt';

export type Pubacks = {
  /** Sends the PUBACKs of messages of this client, in this order; nothing when its connection has ended. */
  readonly send: (messageIds: readonly number[]) => void;
};

const pubackHeader = 0x4002;
const pubackBytes = 4;

/** Private in the library's types: named as a value, it is reached all the same. */
const seam = '_sendPacket';
type SendPacket = (packet: Packet, done?: () => void, ...rest: unknown[]) => void;

export function holdPubacks(client: MqttClient): Pubacks {
  const sendPacket: SendPacket = client[seam].bind(client);
  const holding: SendPacket = (packet, done, ...rest) => {
    if (packet.cmd === 'puback') done?.();
    else sendPacket(packet, done, ...rest);
  };
  client[seam] = holding;
  return {
    send: (messageIds) => {
      if (client.connected && messageIds.length > 0) client.stream.write(pubackPackets(messageIds));
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
