import type { Channel } from '../../../src/drivers/modbus/channels/channel.ts';
import { lifeOf } from '../../../src/drivers/modbus/channels/channel.ts';

/** A channel whose other end is the test. */
export function createFakeChannel() {
  const sent: Buffer[] = [];
  let listener: (bytes: Buffer) => void = () => {};
  const channel: Channel = {
    ...lifeOf((closed) => closed()),
    write: (bytes) => void sent.push(bytes),
    onBytes: (next) => {
      listener = next;
    },
  };
  return { channel, sent, receive: (bytes: Buffer) => listener(bytes) };
}
