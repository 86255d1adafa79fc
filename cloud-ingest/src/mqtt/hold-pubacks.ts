/**
 * mqtt.js sends PUBACK as soon as the handler of a message calls back, and reads the next message only then: one message per
 * round trip to the backbone. Here the handler calls back at once, and the PUBACK packets are held where the library sends
 * them (`_sendPacket`, private, mqtt 5.16), until we say. A test notices an update that closes this seam.
 */
import type { MqttClient, Packet } from 'mqtt';

export type Pubacks = {
  /** Sends the PUBACK of a message of this client; nothing when its connection has ended. */
  readonly send: (messageId: number) => void;
};

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
    send: (messageId) => {
      if (client.connected) sendPacket({ cmd: 'puback', messageId, reasonCode: 0 });
    },
  };
}
